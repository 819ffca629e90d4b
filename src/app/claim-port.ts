import { SpuffError } from '../domain/errors.ts';
import { writePort } from '../domain/port-wish.ts';
import type { PortWish } from '../domain/project.ts';
import type { TunnelRecord } from '../domain/tunnel.ts';
import type { PortLook } from '../lib/local-port.ts';
import { tunnelCommand } from './tunnels.ts';

export interface PortClaim {
  /** Of the instance, for messages. */
  name: string;
  anyPort: boolean;
  /** Ports of this computer that are promised already. */
  promised: ReadonlySet<number>;
  tunnels: readonly TunnelRecord[];
  lookAtPort: (port: number) => Promise<PortLook>;
}

/** How many ports above the wanted one are tried. */
const mostTries = 50;

/**
 * Finds the port of this computer for a wish: the wanted one, or with `anyPort` the next free one above it.
 * @throws SpuffError `conflict` saying who has it, `permission` for one that only root may have
 */
export async function claimPort(wish: PortWish, claim: PortClaim): Promise<number> {
  const first = claim.promised.has(wish.local)
    ? ({ kind: 'taken', holder: null } as const)
    : await claim.lookAtPort(wish.local);
  if (first.kind === 'free') return wish.local;
  if (!claim.anyPort) throw refuse(wish, claim, first);
  // Where root alone may listen, the next ones are no better.
  const from = first.kind === 'forbidden' ? wish.local + 8_000 : wish.local + 1;
  for (let port = from; port < from + mostTries && port <= 65_535; port++) {
    if (!claim.promised.has(port) && (await claim.lookAtPort(port)).kind === 'free') return port;
  }
  throw refuse(wish, claim, first);
}

function refuse(wish: PortWish, claim: PortClaim, look: Exclude<PortLook, { kind: 'free' }>): SpuffError {
  const { local, remote } = wish;
  const other = local + 10_000 > 65_535 ? 8_080 : local + 10_000;
  const elsewhere = `take another: ${tunnelCommand(claim.name, writePort({ local: other, remote }))}`;
  if (look.kind === 'forbidden') {
    return new SpuffError('permission', `only root may listen on port ${local} of this computer`, {
      hints: [elsewhere],
    });
  }
  const tunnel = claim.tunnels.find(({ ports }) =>
    ports.some((port) => port.local === local && !port.blocked),
  );
  const hints = [elsewhere, 'or let spuff find a free one: --any-port'];
  if (tunnel) {
    const stop = `end that: ${tunnelCommand(tunnel.name, '--stop')}`;
    const who = `a tunnel to ${tunnel.name} (process ${tunnel.process.pid})`;
    return new SpuffError('conflict', `port ${local} of this computer is taken by ${who}`, {
      hints: [stop, ...hints],
    });
  }
  const who = look.holder ? `${look.holder.name} (process ${look.holder.pid})` : "another user's program";
  return new SpuffError('conflict', `port ${local} of this computer is taken by ${who}`, { hints });
}
