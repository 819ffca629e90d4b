/** The way to a machine that is in the user's tailnet: there where it answers, and by its public address otherwise. */
import { connect } from 'node:net';
import { SpuffError } from '../domain/errors.ts';
import type { Ssh, SshTarget } from '../domain/ssh.ts';

/** A machine in the tailnet that is up answers at once; one that is not must not hold up every command. */
const lookMs = 1_000;
/** One command says much to a machine: it is not asked each time. */
const keptMs = 5_000;

/** Who answers is proven by the same host key on either way. */
export function routeByTailnet(ssh: Ssh): Ssh {
  const looked = new Map<string, { atMs: number; answers: Promise<boolean> }>();
  const look = (host: string) => {
    const known = looked.get(host);
    if (known && performance.now() - known.atMs < keptMs) return known.answers;
    const answers = answersAt(host, lookMs);
    looked.set(host, { atMs: performance.now(), answers });
    return answers;
  };
  const way = async (target: SshTarget): Promise<SshTarget> => {
    const { tailnet, ...rest } = target;
    if (!tailnet) return target;
    if (await look(tailnet.host)) return { ...rest, host: tailnet.host, port: 22 };
    if (!tailnet.isPublicClosed) return rest;
    throw closed(target.name, tailnet.host);
  };
  return {
    ...ssh,
    run: async (target, ...rest) => ssh.run(await way(target), ...rest),
    runProven: async (target, ...rest) => ssh.runProven(await way(target), ...rest),
    openSession: async (target, ...rest) => ssh.openSession(await way(target), ...rest),
    copy: async (target, ...rest) => ssh.copy(await way(target), ...rest),
    sendTree: async (target, ...rest) => ssh.sendTree(await way(target), ...rest),
    receiveTree: async (target, ...rest) => ssh.receiveTree(await way(target), ...rest),
    mountVolume: async (target, ...rest) => ssh.mountVolume(await way(target), ...rest),
    openChannel: async (target) => ssh.openChannel(await way(target)),
    openTunnel: async (target, ...rest) => ssh.openTunnel(await way(target), ...rest),
    openGuard: async (target, ...rest) => ssh.openGuard(await way(target), ...rest),
  };
}

function closed(name: string, host: string): SpuffError {
  return new SpuffError(
    'connection',
    `${name} is reached by the tailnet alone, and ${host} does not answer`,
    {
      hints: [
        'is this computer in the tailnet? tailscale status',
        `or open port 22 to your address: spuff firewall allow ${name}`,
      ],
    },
  );
}

/** Whether something takes a connection to port 22 there. */
function answersAt(host: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 22 });
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
