import { once } from 'node:events';
import { connect } from 'node:net';
import { SpuffError, systemErrorCode } from '../../domain/errors.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { escapeText } from '../../lib/escape.ts';
import { isLoopbackHost } from '../../lib/loopback-host.ts';

/** How to reach the engine's API: a Unix socket, or TCP on loopback. */
export type EngineAddress = { socketPath: string } | { host: string; port: number };

export interface EngineSocketQuestion {
  /** From the settings; wins over everything. */
  configured: string | null;
  env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory. */
  home: string;
  /** The method of the port that needs the engine. */
  op: string;
}

/** What is at the path of a socket for this user. */
export type SocketFinding = 'answers' | 'denied' | 'absent';

/**
 * Where the engine listens: the configured socket, else `DOCKER_HOST`, else the first of the usual places where one answers.
 * @throws SpuffError `config` for an address that spuff won't use, ProviderError `network` when there is no engine or this
 * user may not talk to it
 */
export async function findEngine(
  question: EngineSocketQuestion,
  probe: (path: string) => Promise<SocketFinding> = probeSocket,
): Promise<EngineAddress> {
  const { configured, env, op } = question;
  const named = configured ?? (env['DOCKER_HOST'] || null);
  if (named !== null) {
    const address = readAddress(named, configured === null ? 'DOCKER_HOST' : 'engine_socket');
    const finding = 'socketPath' in address ? await probe(address.socketPath) : 'answers';
    if (finding === 'answers' || !('socketPath' in address)) return address;
    throw finding === 'denied' ? engineDenied(address.socketPath, op) : engineMissing(op, address.socketPath);
  }
  // A socket that is closed to this user must not hide another engine, and is the better message where there is none.
  let denied: string | null = null;
  for (const socketPath of usualSockets(question)) {
    const finding = await probe(socketPath);
    if (finding === 'answers') return { socketPath };
    if (finding === 'denied') denied ??= socketPath;
  }
  throw denied === null ? engineMissing(op) : engineDenied(denied, op);
}

function usualSockets({ env, home }: EngineSocketQuestion): string[] {
  const runtimeDirectory = env['XDG_RUNTIME_DIR'];
  return [
    '/var/run/docker.sock',
    ...(runtimeDirectory
      ? [`${runtimeDirectory}/docker.sock`, `${runtimeDirectory}/podman/podman.sock`]
      : []),
    '/run/podman/podman.sock',
    `${home}/.docker/run/docker.sock`,
  ];
}

function readAddress(text: string, what: string): EngineAddress {
  if (text.startsWith('unix://')) return { socketPath: text.slice('unix://'.length) };
  if (text.startsWith('/')) return { socketPath: text };
  const url = URL.canParse(text) ? new URL(text) : null;
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  if (url && ['tcp:', 'http:'].includes(url.protocol) && isLoopbackHost(host)) {
    return { host, port: Number(url.port || 2375) };
  }
  const shown = escapeText(text, { singleLine: true }).slice(0, 200);
  throw new SpuffError(
    'config',
    `${what} is ${JSON.stringify(shown)}: spuff only talks to an engine on this computer`,
    {
      hints: [
        'the ports of a machine are published on loopback, where the engine runs; a remote engine would also see all traffic',
        `use a Unix socket: ${what === 'DOCKER_HOST' ? 'export DOCKER_HOST=' : 'spuff config set engine_socket '}unix:///var/run/docker.sock`,
      ],
    },
  );
}

/** Connects, and hangs up: a file that a dead engine left behind is no engine. */
async function probeSocket(path: string): Promise<SocketFinding> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return 'answers';
  } catch (error) {
    const code = systemErrorCode(error);
    return code === 'EACCES' || code === 'EPERM' ? 'denied' : 'absent';
  } finally {
    socket.destroy();
  }
}

export function engineDenied(path: string, op: string): ProviderError {
  return new ProviderError(
    'network',
    `this user may not use the container engine at ${escapeText(path, { singleLine: true })}`,
    {
      provider: 'local',
      op,
      retryable: true,
      rawCode: 'EACCES',
      hints: [
        'sudo usermod -aG docker "$USER", then log in again (members of that group are as mighty as root)',
      ],
    },
  );
}

export function engineMissing(op: string, path?: string): ProviderError {
  const where = path === undefined ? '' : ` at ${escapeText(path, { singleLine: true })}`;
  return new ProviderError('network', `no container engine answers${where}`, {
    provider: 'local',
    op,
    retryable: true,
    hints: [
      'start it: sudo systemctl start docker (without systemd: sudo dockerd; Podman: systemctl --user start podman.socket)',
      'install it: sudo apt-get install docker.io',
    ],
  });
}
