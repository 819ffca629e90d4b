import { SpuffError } from './errors.ts';
import type { PortWish } from './project.ts';

const form = /^(?:(\d{1,5}):)?(\d{1,5})$/;

/** Whether a word of a command line is meant to be a port, right or wrong. */
export function looksLikePort(text: string): boolean {
  return /^[\d:]+$/.test(text) || text.includes(':');
}

/**
 * `3000`, the same on both sides, or `8080:3000`: 8080 here, 3000 on the machine.
 * @throws SpuffError `usage`
 */
export function parsePortWish(text: string): PortWish {
  const [, here, there] = form.exec(text) ?? [];
  const remote = Number(there);
  const local = here === undefined ? remote : Number(here);
  if ([local, remote].every((port) => port >= 1 && port <= 65_535)) return { local, remote };
  throw new SpuffError('usage', `${JSON.stringify(text)} is not a port`, {
    hints: ['write 3000, or 8080:3000 for port 3000 of the machine at localhost:8080'],
  });
}

/**
 * Leaves out what is said twice.
 * @throws SpuffError `usage` when two of them want the same port of this computer
 */
export function uniquePorts(ports: readonly PortWish[]): PortWish[] {
  const byLocal = new Map<number, PortWish>();
  for (const port of ports) {
    const other = byLocal.get(port.local);
    if (other && other.remote !== port.remote) {
      throw new SpuffError('usage', `${writePort(other)} and ${writePort(port)} want the same port here`, {
        hints: [`give one of them another: ${port.local === 65_535 ? 1_024 : port.local + 1}:${port.remote}`],
      });
    }
    byLocal.set(port.local, port);
  }
  return [...byLocal.values()];
}

/** As it is typed. */
export function writePort({ local, remote }: PortWish): string {
  return local === remote ? `${remote}` : `${local}:${remote}`;
}
