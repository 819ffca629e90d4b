import { availableParallelism } from 'node:os';
import type { Provider, Runtime, VmSpec } from '../../domain/provider.ts';
import { createCatalog } from './catalog.ts';
import { createEngine } from './engine.ts';
import { baseSlug } from './image-recipe.ts';
import { createImageStore, type ExtraFile } from './image-store.ts';
import { localRegion } from './labels.ts';
import { createLeftovers } from './leftovers.ts';
import { checkSpec, containerRequest, maxUserDataBytes } from './machine-request.ts';
import { createMachines } from './machines.ts';
import { createSnapshotStore } from './snapshots.ts';

export interface LocalProviderDeps {
  runtime: Runtime;
  /** `SPUFF_HOME`: packages for the base image are kept in `cache/apt` below it. */
  home: string;
  /** From the settings, such as `unix:///run/user/1000/podman/podman.sock`; null: found. */
  engineSocket: string | null;
  env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory, where some engines have their socket. */
  userHome: string;
  /** What the base image carries besides its packages. */
  extraFiles: readonly ExtraFile[];
}

/** Machines as containers of an engine on this computer, with systemd, cloud-init and sshd inside. They cost nothing. */
export function createLocalProvider(deps: LocalProviderDeps): Provider {
  const engine = createEngine(deps);
  return {
    id: 'local',
    caps: {
      nativeTtl: false,
      guestPoweroff: 'stops-compute-billing',
      idempotentCreate: 'unique-name',
      labelsAtomicWithCreate: true,
      clock: 'this-computer',
      listLagSeconds: 0,
      maxUserDataBytes,
      userDataReadableInGuest: true,
      billing: null,
      firewall: 'none',
      snapshots: true,
      volumes: false,
      spot: false,
      prices: 'none',
      rateLimit: {},
    },
    defaults: {
      region: localRegion,
      size: availableParallelism() > 1 ? '2cpu-4gb' : '1cpu-1gb',
      image: { kind: 'slug', slug: baseSlug },
    },
    plan,
    ...createCatalog(engine),
    ...createMachines(engine, deps.runtime),
    ...createLeftovers(engine),
    snapshots: createSnapshotStore(engine),
    images: createImageStore({ engine, home: deps.home, extraFiles: deps.extraFiles }),
  };
}

/** What `create` sends. The seed with the user data goes onto the machine's disk as a tar archive before it starts. */
function plan(spec: VmSpec): ReturnType<Provider['plan']> {
  checkSpec(spec, 'plan');
  const image = spec.image.kind === 'slug' ? spec.image.slug : spec.image.id;
  const { name, ...body } = containerRequest(spec, image);
  return {
    requests: [
      { method: 'POST', path: `/containers/create?name=${name}`, body },
      { method: 'PUT', path: `/containers/${name}/archive?path=/`, body: { userData: spec.userData } },
      { method: 'POST', path: `/containers/${name}/start`, body: null },
    ],
    hourly: null,
  };
}
