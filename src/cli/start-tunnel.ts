import { makeTunnelId } from '../app/open-ports.ts';
import { fromFailure } from '../app/tunnel-event.ts';
import type { PortsRequest } from '../app/tunnel-ports.ts';
import { tunnelCommand } from '../app/tunnels.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { writePort } from '../domain/port-wish.ts';
import type { TunnelFailure, TunnelRecord, TunnelStore } from '../domain/tunnel.ts';
import { escapeText } from '../lib/escape.ts';
import type { BackgroundTunnel, Cli } from './cli.ts';
import { describePort, tunnelToJson } from './render/tunnel.ts';

type Request = Pick<PortsRequest, 'ports' | 'anyPort' | 'auto'>;

const lookMs = 50;

/**
 * Starts a tunnel that goes on by itself, unless what is wanted is carried already. Returns when it is connected.
 * @throws SpuffError what its start failed with
 */
export async function startTunnel(cli: Cli, instance: Instance, request: Request): Promise<void> {
  const store = await cli.context.tunnels();
  const { carrying, isNew } = await store.withLock(cli.context.signal, async () => {
    const running = store.list().filter((one) => one.kind === 'background' && one.key === instance.key);
    const ports = request.ports.filter((wish) => !running.some((one) => carries(one, wish, request.anyPort)));
    if (ports.length === 0 && (!request.auto || running.some(({ auto }) => auto)))
      return { carrying: running.filter((one) => isMeant(one, request)), isNew: false };
    return { carrying: [await start(cli, store, instance, { ...request, ports })], isNew: true };
  });
  if (cli.flags.json) {
    cli.printJson({ version: 1, tunnels: carrying.map(tunnelToJson) });
    return;
  }
  for (const { name, ports } of carrying) for (const port of ports) cli.print(describePort(name, port));
  const pids = carrying.map(({ process: { pid } }) => pid).join(', ');
  const how = isNew ? 'It runs' : 'It runs already,';
  cli.say(`${how} in the background (process ${pids}). End it: ${tunnelCommand(instance.name, '--stop')}`);
}

function carries(tunnel: TunnelRecord, wish: PortsRequest['ports'][number], anyPort: boolean): boolean {
  return tunnel.ports.some(
    ({ local, remote }) => remote === wish.remote && (anyPort || local === wish.local),
  );
}

function isMeant(tunnel: TunnelRecord, { ports, anyPort, auto }: Request): boolean {
  return (auto && tunnel.auto) || ports.some((wish) => carries(tunnel, wish, anyPort));
}

async function start(
  cli: Cli,
  store: TunnelStore,
  instance: Instance,
  request: Request,
): Promise<TunnelRecord> {
  const id = makeTunnelId();
  const step = cli.context.progress.start(`connection to ${instance.name}`);
  const living = store.list().map((tunnel) => tunnel.id);
  const flags = [...(request.anyPort ? ['--any-port'] : []), ...(request.auto ? ['--auto'] : [])];
  const words = [...request.ports.map(writePort), '--key', instance.key, '--id', id, ...flags];
  try {
    const args = ['keep-tunnel', ...words, '--json', '--no-input'];
    const child = await cli.services.startBackgroundTunnel({ id, living }, args);
    const record = await waitUntilConnected(cli, store, id, child);
    step.done();
    return record;
  } catch (error) {
    step.fail();
    throw error;
  }
}

async function waitUntilConnected(
  cli: Cli,
  store: TunnelStore,
  id: string,
  child: BackgroundTunnel,
): Promise<TunnelRecord> {
  const { runtime, signal } = cli.context;
  for (;;) {
    const record = store.get(id);
    if (record?.state === 'connected') return record;
    const said = await Promise.race([child.ended, runtime.sleep(lookMs, signal).catch(() => null)]);
    if (signal.aborted) {
      child.kill();
      throw new SpuffError('interrupted', 'the tunnel was not started');
    }
    if (typeof said === 'string') throw readFailure(said);
  }
}

/** The last line that it said is its error. */
function readFailure(said: string): SpuffError {
  const last = said.trim().split('\n').at(-1) ?? '';
  try {
    const { error } = JSON.parse(last) as { error: TunnelFailure };
    return fromFailure(error);
  } catch {
    const shown = escapeText(last, { singleLine: true }).slice(0, 500);
    return new SpuffError('internal', `the tunnel ended at once: ${shown || 'it said nothing'}`);
  }
}
