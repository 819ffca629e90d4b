import { access, constants } from 'node:fs/promises';
import { SpuffError, systemErrorCode } from '../../domain/errors.ts';
import { ProviderError } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';

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

/**
 * Where the engine listens: the configured socket, else `DOCKER_HOST`, else the first of the usual places that is there.
 * @throws SpuffError `config` for an address that spuff won't use, ProviderError `network` when there is no engine or this
 * user may not talk to it
 */
export async function findEngine(question: EngineSocketQuestion): Promise<EngineAddress> {
  const { configured, env } = question;
  const named = configured ?? (env['DOCKER_HOST'] || null);
  if (named !== null) {
    const address = readAddress(named, configured === null ? 'DOCKER_HOST' : 'engine_socket');
    if ('socketPath' in address) await checkSocket(address.socketPath, question.op, true);
    return address;
  }
  for (const socketPath of usualSockets(question)) {
    if (await checkSocket(socketPath, question.op, false)) return { socketPath };
  }
  throw engineMissing(question.op);
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
  if (url && ['tcp:', 'http:'].includes(url.protocol) && isLoopback(host)) {
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

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Whether there is something to connect to. A path that was named must be there; others are passed over. */
async function checkSocket(path: string, op: string, named: boolean): Promise<boolean> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EACCES' || code === 'EPERM') throw engineDenied(path, op);
    if (named) throw engineMissing(op, path);
    return false;
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
