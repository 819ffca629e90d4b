import { tunnelCommand } from '../../app/tunnels.ts';
import type { OpenPort, RemoteListener, TunnelRecord } from '../../domain/tunnel.ts';
import type { Paint } from './terminal.ts';
import { formatMoment, formatTable, oneLine } from './text.ts';

export function tunnelToJson(tunnel: TunnelRecord): object {
  const { id, name, key, kind, state, auto, ports, lastError } = tunnel;
  return {
    ...{ id, instance: name, key, kind, pid: tunnel.process.pid, state },
    ...{ startedAt: tunnel.startedAt.toISOString(), since: tunnel.since.toISOString(), auto },
    ports: ports.map(({ local, remote, isListening, blocked }) => ({ local, remote, isListening, blocked })),
    offered: tunnel.offered.map(({ port, process }) => ({ port, process })),
    lastError,
  };
}

/** `http` is most often meant, but not known: an address and no link. */
export function describePort(name: string, port: OpenPort): string {
  if (port.blocked !== null) return `port ${port.remote} of ${name} is not here: ${port.blocked}`;
  const yet = port.isListening === false ? ', where nothing listens yet' : '';
  return `localhost:${port.local} is port ${port.remote} of ${name}${yet}`;
}

/** The machine gives the name: it is made harmless. */
export function describeListener({ port, process }: RemoteListener): string {
  return process === null ? `port ${port}` : `port ${port} (${oneLine(process)})`;
}

export function describeOffer(name: string, listener: RemoteListener): string {
  return `${describeListener(listener)} listens on ${name}: forward it with ${tunnelCommand(name, `${listener.port}`)}`;
}

export function formatTunnels(
  tunnels: readonly TunnelRecord[],
  options: { nowMs: number; paint: Paint },
): string {
  const rows = tunnels.flatMap((tunnel) => {
    const { name, kind, state, since, lastError } = tunnel;
    const error = state === 'connected' ? '' : (lastError?.message ?? '');
    const end = [state, formatMoment(since, options.nowMs), `${kind} ${tunnel.process.pid}`, oneLine(error)];
    if (tunnel.ports.length === 0) return [[name, '-', '-', ...end]];
    return tunnel.ports.map((port) => [
      name,
      port.blocked === null ? `localhost:${port.local}` : `(${port.local} is taken)`,
      `${port.remote}${port.isListening === false ? ' (nobody listens)' : ''}`,
      ...end,
    ]);
  });
  const header = ['INSTANCE', 'LOCAL', 'PORT', 'STATE', 'SINCE', 'PROCESS', 'ERROR'];
  return formatTable(rows, { header, paint: options.paint });
}
