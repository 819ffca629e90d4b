import { SpuffError } from '../domain/errors.ts';
import { looksLikePort, writePort } from '../domain/port-wish.ts';
import type { PortWish } from '../domain/project.ts';
import type { TunnelRecord } from '../domain/tunnel.ts';
import type { AppContext } from './context.ts';
import { selectInstance } from './select-instance.ts';

/** A command line for an instance, whatever its name is: one that reads as a port has to be announced. */
export function tunnelCommand(name: string, rest: string): string {
  return `spuff tunnel ${looksLikePort(name) ? '--name ' : ''}${name} ${rest}`;
}

/** The tunnels that run on this computer; those to one instance where it is named. */
export async function listTunnels(context: AppContext, name: string | undefined): Promise<TunnelRecord[]> {
  const all = (await context.tunnels()).list();
  const wanted =
    name === undefined ? all : all.filter((tunnel) => tunnel.name === name || tunnel.key === name);
  return wanted.sort((a, b) => a.name.localeCompare(b.name) || a.startedAt.getTime() - b.startedAt.getTime());
}

/**
 * Ends the tunnels to an instance, of all or of those that carry one of the ports; one that came with a session ends with it.
 * @throws SpuffError `not-found` when there is none, `conflict` for one that can't be ended from here
 */
export async function stopTunnels(
  context: AppContext,
  wanted: { name: string | undefined; ports: readonly PortWish[] },
): Promise<TunnelRecord[]> {
  const instances = (await context.state()).listInstances();
  const { directory } = context;
  const name = wanted.name ?? selectInstance(instances, { name: undefined, directory }).name;
  const store = await context.tunnels();
  return store.withLock(context.signal, async () => {
    const running = (await listTunnels(context, name)).filter(({ kind }) => kind !== 'session');
    const meant = running.filter((tunnel) => wanted.ports.length === 0 || carriesOne(tunnel, wanted.ports));
    if (meant.length === 0) throw noTunnel(name, wanted.ports);
    for (const tunnel of meant) await store.end(tunnel, context.signal);
    return meant;
  });
}

function carriesOne(tunnel: TunnelRecord, ports: readonly PortWish[]): boolean {
  return tunnel.ports.some((one) => ports.some(({ remote }) => one.remote === remote));
}

function noTunnel(name: string, ports: readonly PortWish[]): SpuffError {
  const carrying = ports.length === 0 ? '' : ` that carries ${ports.map(writePort).join(' or ')}`;
  return new SpuffError('not-found', `no tunnel to ${name} runs here${carrying}`, {
    hints: ['see which ones do: spuff tunnel --status'],
  });
}
