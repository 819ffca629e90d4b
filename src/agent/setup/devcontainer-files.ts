/** What a machine with a dev container has on its disk: the way in, and the units that carry the agent and ports. */
import {
  type ContainerPort,
  devcontainerCliFolder,
  execArguments,
  forwardPortPath,
  lentFolder,
  lentToContainer,
  upArguments,
} from '../../domain/devcontainer.ts';
import { quoteArgument } from '../../lib/shell-quote.ts';

/** A link that an upgrade of the agent moves on. */
const node = '/usr/lib/spuff/agent/current/node';
const socketProxy = '/usr/lib/systemd/systemd-socket-proxyd';
export const portUnitPrefix = 'spuff-devcontainer-port-';

export interface ContainerSite {
  directory: string;
  path: string;
  /** Where the variables for the commands of devcontainer.json are, as JSON; may be missing. */
  secretsPath: string;
  knownHosts: string;
}

/** What the reference command line is run with, to have the container up. */
export function upArgv(site: ContainerSite): string[] {
  return [
    ...[node, `${devcontainerCliFolder}/devcontainer.js`],
    ...upArguments(site, { lent: lentToContainer, knownHosts: site.knownHosts }),
  ];
}

/** docker's filters for the containers of the project: the command line puts these labels on them. */
function filtersOf({ directory, path }: ContainerSite): string {
  const labels = [`devcontainer.local_folder=${directory}`, `devcontainer.config_file=${directory}/${path}`];
  return labels.map((label) => `--filter ${quoteArgument(`label=${label}`)}`).join(' ');
}

/**
 * Run by sessions as the login user. One that began before the user was let into docker's group enters it anew. The
 * container is brought up where it is not: after a reboot, or when somebody has stopped it.
 */
export function renderEnter(site: ContainerSite): string {
  const words = (argv: readonly string[]) => argv.map(quoteArgument).join(' ');
  const run = [node, `${devcontainerCliFolder}/devcontainer.js`, ...execArguments(site)];
  return `#!/bin/sh
# Written by spuff: what is changed here is lost.
set -eu
user=$(id -un)
case " $(id -nG) " in
  *' docker '*) ;;
  *) case " $(id -nG "$user") " in *' docker '*) exec sudo -n -u "$user" -- "$0" "$@" ;; esac ;;
esac
if [ -z "$(docker ps --quiet ${filtersOf(site)})" ]; then
  echo 'starting the dev container' >&2
  secrets=${quoteArgument(site.secretsPath)}
  if [ -r "$secrets" ]; then
    ${words(upArgv(site))} --secrets-file "$secrets" </dev/null >&2
  else
    ${words(upArgv(site))} </dev/null >&2
  fi
  sudo -n systemctl stop '${portUnitPrefix}*.service' || true
fi
exec ${words(run)} "$@"
`;
}

/**
 * Started by a unit with the socket that it listens on. It goes on in the container's own network, so that it reaches what
 * listens on the loopback there, and gives up root's rights before a byte is carried. Until the container is up, it waits.
 */
export function renderForwardPort(site: ContainerSite): string {
  return `#!/bin/sh
# Written by spuff: what is changed here is lost. Arguments: the port, and perhaps the service of the compose file.
set -eu
port=$1 service=\${2-}
find_container() {
  main=$(docker ps --quiet ${filtersOf(site)} | head -n 1)
  if [ -z "$service" ] || [ -z "$main" ]; then
    echo "$main"
  else
    project=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "$main")
    docker ps --quiet --filter "label=com.docker.compose.project=$project" \\
      --filter "label=com.docker.compose.service=$service" | head -n 1
  fi
}
while container=$(find_container) && [ -z "$container" ]; do sleep 1; done
pid=$(docker inspect --format '{{.State.Pid}}' "$container")
# The proxy tries one address alone, and some servers listen on the newer loopback only. It knows no brackets.
listens() { grep -qE "^ *[0-9]+: $1:$(printf %04X "$port") [0-9A-F:]+ 0A " "/proc/$pid/net/$2"; }
host=127.0.0.1
if ! listens '(0100007F|00000000)' tcp && ! listens '0{32}' tcp6 && listens '0{24}01000000' tcp6; then host=::1; fi
exec nsenter --net="/proc/$pid/ns/net" -- setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \\
  --inh-caps=-all --bounding-set=-all -- ${socketProxy} --exit-idle-time=3s "$host:$port"
`;
}

/** The content of each unit, by its name. */
export function renderContainerUnits(user: string, ports: readonly ContainerPort[]): Map<string, string> {
  const socket = (what: string, lines: readonly string[]) =>
    [
      '[Unit]',
      `Description=${what}`,
      '',
      '[Socket]',
      ...lines,
      '',
      '[Install]',
      'WantedBy=sockets.target',
      '',
    ].join('\n');
  const service = (what: string, lines: readonly string[]) =>
    ['[Unit]', `Description=${what}`, '', '[Service]', 'Type=exec', ...lines, ''].join('\n');
  const agent = 'The SSH agent that a session lends, for the dev container';
  const units = new Map([
    [
      'spuff-devcontainer-agent.socket',
      socket(agent, [
        // Whoever the container's user is may use it; on the machine the outer folder keeps everybody else out.
        `ExecStartPre=/usr/bin/install -d -m 0700 -o ${user} ${lentFolder}`,
        `ListenStream=${lentToContainer}/agent.sock`,
        'SocketMode=0666',
        'DirectoryMode=0755',
      ]),
    ],
    [
      'spuff-devcontainer-agent.service',
      service(agent, [
        `User=${user}`,
        `ExecStart=${socketProxy} --exit-idle-time=60s /run/spuff/ssh/agent.sock`,
        'NoNewPrivileges=yes',
        'CapabilityBoundingSet=',
        'RestrictAddressFamilies=AF_UNIX',
      ]),
    ],
  ]);
  for (const { port, service: of } of ports) {
    const name = `${portUnitPrefix}${port}`;
    const what = `Port ${port} of ${of === null ? 'the dev container' : `the service ${of} beside it`}`;
    units.set(`${name}.socket`, socket(what, [`ListenStream=127.0.0.1:${port}`]));
    units.set(
      `${name}.service`,
      service(what, [`ExecStart=${forwardPortPath} ${[port, of ?? ''].join(' ').trim()}`]),
    );
  }
  return units;
}
