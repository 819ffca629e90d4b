/** A devcontainer.json (containers.dev/implementors/json_reference), and what of it concerns more than its own container. */

import type { BundlePlan } from './bundle-plan.ts';

/** In the order in which the reference says that they are looked for; then one in each folder below `.devcontainer`. */
export const devcontainerFileNames = ['.devcontainer/devcontainer.json', '.devcontainer.json'] as const;

/** A port that something in the dev container listens on, or in one of the containers beside it. */
export interface ContainerPort {
  port: number;
  /** Of the compose file; null: the dev container itself. */
  service: string | null;
}

export interface DevcontainerFile {
  /** Relative to the project's root. */
  path: string;
  /** Its own containers are those of a compose file. */
  usesCompose: boolean;
  /** Are carried from the container to the machine's loopback. */
  ports: readonly ContainerPort[];
  /** docker publishes these on the machine by itself. */
  publishedPorts: readonly number[];
  /** SHA-256, in hex, of the file and of what lies beside it: another one means that the container is to be built anew. */
  hash: string;
}

/** Where the command line of the reference is unpacked on a machine. */
export const devcontainerCliFolder = '/opt/bundles/devcontainer';

/**
 * The command line of the reference, which has no dependencies and runs on the agent's own Node.
 * @see https://registry.npmjs.org/@devcontainers/cli/0.89.0: its `integrity` is
 * sha512-LzaoOGKQ/Zql6PsiZ4hVIYVZagzWkD65aG/1ou5/Kly5Y1PtjLg1yn7qu+LZCzVoAl6DZZ/pbz8qOO4RLNlqMg==, and `sha256` was
 * taken of the very file that has it
 */
export const devcontainerCliPlan: BundlePlan = {
  name: 'devcontainer',
  version: '0.89.0',
  aptPackages: [],
  archives: [
    {
      url: 'https://registry.npmjs.org/@devcontainers/cli/-/cli-0.89.0.tgz',
      sha256: '49c7d71d40058f89e1fd8b019a193ed4215b7fc773c0f6273f7032a46cd33f4b',
      format: 'tar.gz',
      stripComponents: 1,
      target: devcontainerCliFolder,
      links: {},
    },
  ],
  npmPackages: [],
  commands: [],
  checks: [
    {
      tool: 'devcontainer',
      argv: ['/usr/lib/spuff/agent/current/node', `${devcontainerCliFolder}/devcontainer.js`, '--version'],
      required: true,
    },
  ],
};

/** Of spuff's: what sessions run, and what carries ports. It is on the disk, and goes with a snapshot. */
export const devcontainerFolder = '/usr/lib/spuff/devcontainer';
/** Runs what it is given in the container, or the shell of its user where it is given nothing. */
export const enterContainerPath = `${devcontainerFolder}/enter`;
export const forwardPortPath = `${devcontainerFolder}/forward-port`;

/** In memory. The login user and root alone get into the outer one; the inner one is what the container sees. */
export const lentFolder = '/run/spuff/devcontainer';
export const lentToContainer = `${lentFolder}/lent`;
export const containerEnvFile = 'env.sh';
/** Beside the variables of sessions; JSON, for the commands of devcontainer.json. */
export const containerSecretsFile = 'devcontainer.json';

/** Where the container has it. */
const lentInContainer = '/opt/spuff';

export interface DevcontainerPlace {
  /** Of the project, on the machine. */
  directory: string;
  /** Of devcontainer.json, relative to it. */
  path: string;
}

const placeArguments = ({ directory, path }: DevcontainerPlace) => [
  ...['--workspace-folder', directory, '--config', `${directory}/${path}`],
  ...['--remote-env', `SSH_AUTH_SOCK=${lentInContainer}/agent.sock`],
];

/**
 * What the reference command line is given to have the container up. The FOLDER of the socket is mounted: the socket in it
 * may come anew, and the path that a session lends its agent at is a link that leads nowhere in a container.
 */
export function upArguments(
  place: DevcontainerPlace,
  { lent, knownHosts }: { lent: string; knownHosts: string | null },
): string[] {
  const mount = (source: string, target: string) => [
    '--mount',
    `type=bind,source=${source},target=${target}`,
  ];
  return [
    ...['up', ...placeArguments(place), ...mount(lent, lentInContainer)],
    ...(knownHosts === null ? [] : mount(knownHosts, '/etc/ssh/ssh_known_hosts2')),
  ];
}

/** Reads the project's variables, which lie in memory, and becomes the command; without one, the shell of the user. */
const enterScript = `[ ! -r ${lentInContainer}/${containerEnvFile} ] || . ${lentInContainer}/${containerEnvFile}
[ $# -eq 0 ] || exec "$@"
shell=$(getent passwd "$(id -un)" 2>/dev/null | cut -d : -f 7)
exec "\${shell:-/bin/sh}" -l`;

/** What goes before a command to run it in the container. */
export function execArguments(place: DevcontainerPlace): string[] {
  return ['exec', ...placeArguments(place), 'sh', '-c', enterScript, 'spuff'];
}
