/** What a project asks of its machine: `spuff.yaml`, after it was read and checked. Nothing in here is resolved yet. */
import type { DevcontainerFile } from './devcontainer.ts';
import { nearestInstanceName } from './names.ts';
import type { OnIdle } from './provider.ts';

export const projectFileNames = ['spuff.yaml', 'spuff.yml'] as const;

/** Holds `env` alone, stands beside the project's file and never in git. */
export const secretsFileNames = ['spuff.secrets.yaml', 'spuff.secrets.yml'] as const;

/** What Compose looks for, in its order (compose-spec, 03-compose-file). */
export const composeFileNames = [
  'compose.yaml',
  'compose.yml',
  'docker-compose.yaml',
  'docker-compose.yml',
] as const;

export const syncModes = ['rsync', 'git', 'none'] as const;
export type SyncMode = (typeof syncModes)[number];

export const prebuildModes = ['auto', 'off'] as const;

/** A value of `env`. A text may name variables of the user's (`$VAR`, `${VAR:-else}`, `$$`); a command prints the value. */
export type EnvValue = { kind: 'text'; text: string } | { kind: 'command'; command: string };

/** `node@24` */
export interface BundleWish {
  name: string;
  /** null: the bundle's own choice. */
  version: string | null;
}

export interface RepositoryWish {
  /** As `toGitUrl` gives it. */
  url: string;
  /** Relative to the home on the machine; null: named after the repository. */
  path: string | null;
  branch: string | null;
}

export interface PortWish {
  /** On 127.0.0.1 of the user's machine. */
  local: number;
  remote: number;
}

/** What a project says of the tailnet; undefined: nothing. */
export interface TailscaleWish {
  enabled: boolean | undefined;
  tags: readonly string[] | undefined;
  closePublicSsh: boolean | undefined;
}

/** A folder of the machine, mounted on the user's by sshfs while both are up. */
export interface VolumeWish {
  /** On the user's machine, relative to the project's root: copied to `target` before it is mounted; null: nothing is. */
  source: string | null;
  /** On the machine; absolute, or relative to the home. */
  target: string;
  /** On the user's machine, relative to the project's root; null: under spuff's home. */
  mountPoint: string | null;
}

export interface ServicesWish {
  enabled: boolean;
  /** Relative to the project's root. */
  composeFile: string;
  profiles: readonly string[];
}

/** Where something stands in a file; both from 1. */
export interface Place {
  line: number;
  column: number;
}

/** undefined in a field that the settings have too: the file does not speak of it. */
export interface ProjectFile {
  /** Of the file. */
  path: string;
  /** The folder that the file is in. */
  root: string;
  /** The file's, else the folder's name as far as it can be one. */
  name: string;
  resources: {
    provider: string | undefined;
    regions: readonly string[] | undefined;
    size: string | undefined;
    image: string | undefined;
  };
  bundles: readonly BundleWish[];
  packages: readonly string[];
  services: ServicesWish | null;
  repositories: readonly RepositoryWish[];
  env: Readonly<Record<string, EnvValue>>;
  /** Whether what `env` says is written to the machine's disk, to be there after a reboot. */
  keepEnv: boolean;
  setup: readonly string[];
  ports: readonly PortWish[];
  hooks: { postUp: readonly string[]; preDown: readonly string[] };
  aiTools: 'all' | 'none' | readonly string[];
  dotfiles: RepositoryWish | null;
  volumes: readonly VolumeWish[];
  sync: SyncMode;
  prebuild: (typeof prebuildModes)[number];
  /** null: where there is a devcontainer.json and no project file. */
  devcontainer: boolean | null;
  /** What it says, where it counts. */
  container: DevcontainerFile | null;
  idleTimeoutMs: number | null | undefined;
  maxLifetimeMs: number | null | undefined;
  firewall: 'my-ip' | 'open' | readonly string[] | undefined;
  rescue: boolean | undefined;
  tailscale: TailscaleWish;
  onIdle: OnIdle | undefined;
  /** Where the value of each setting stands, by its path in the file: `resources.size`, `env.NAME`, `ports[0]`. */
  places: ReadonlyMap<string, Place>;
}

/** Something that is wrong in a file of a project. It says where, and never repeats a credential. */
export interface FileProblem extends Place {
  path: string;
  message: string;
  hint: string | null;
}

/** `/work/app/spuff.yaml:4:9`; the path alone for what the file does not speak of. */
export function placeOf({ path, places }: Pick<ProjectFile, 'path' | 'places'>, key: string): string {
  const place = places.get(key);
  return place ? `${path}:${place.line}:${place.column}` : path;
}

/** What a project is called whose file does not say: after its folder, as far as that can be a name. */
export function defaultProjectName(root: string): string {
  return nearestInstanceName(root.split('/').at(-1) ?? '') ?? 'project';
}

/** What a project without a file is: nothing is set up, and the working tree stays where it is. */
export function emptyProject(path: string, root: string, name: string): ProjectFile {
  return {
    path,
    root,
    name,
    resources: { provider: undefined, regions: undefined, size: undefined, image: undefined },
    bundles: [],
    packages: [],
    services: null,
    repositories: [],
    env: {},
    keepEnv: false,
    setup: [],
    ports: [],
    hooks: { postUp: [], preDown: [] },
    aiTools: 'none',
    dotfiles: null,
    volumes: [],
    sync: 'none',
    prebuild: 'off',
    devcontainer: null,
    container: null,
    idleTimeoutMs: undefined,
    maxLifetimeMs: undefined,
    firewall: undefined,
    rescue: undefined,
    tailscale: { enabled: undefined, tags: undefined, closePublicSsh: undefined },
    onIdle: undefined,
    places: new Map(),
  };
}
