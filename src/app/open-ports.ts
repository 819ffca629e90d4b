import { randomBytes } from 'node:crypto';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { PortWish } from '../domain/project.ts';
import type { AppContext } from './context.ts';
import { type Computer, keepTunnel } from './keep-tunnel.ts';
import type { TunnelEvent } from './tunnel-event.ts';

/** How long a session waits for its ports before it begins without them; they go on coming to be. */
const patienceMs = 15_000;

/** Names a tunnel. */
export function makeTunnelId(): string {
  return randomBytes(4).toString('hex');
}

/**
 * Carries ports as long as a session lasts. What goes wrong is a warning before the session begins, and never its end; what
 * another tunnel to the instance carries already is left to that one, and taken over when that ends.
 * @returns what ends it
 */
export async function openPorts(
  context: AppContext,
  instance: Instance,
  ports: readonly PortWish[],
  computer?: Computer,
): Promise<{ close(): Promise<void> }> {
  if (ports.length === 0) return { close: async () => undefined };
  const others = (await context.tunnels()).list().filter(({ key }) => key === instance.key);
  const isCarried = (local: number) =>
    others.some((other) => other.ports.some((port) => port.local === local));
  const own = new AbortController();
  const settled = Promise.withResolvers<void>();
  let isBefore = true;
  const onEvent = (event: TunnelEvent) => {
    if (!isBefore) return;
    if (event.kind === 'blocked' && !isCarried(event.port.local)) warn(context, event.error);
    if (event.kind === 'lost') warn(context, event.error);
    if (event.kind === 'lost' || event.kind === 'connected') settled.resolve();
  };
  const request = {
    id: makeTunnelId(),
    kind: 'session',
    ports,
    anyPort: false,
    auto: false,
    onEvent,
  } as const;
  const tunnel = keepTunnel(
    { ...context, signal: AbortSignal.any([context.signal, own.signal]) },
    instance,
    computer ? { ...request, computer } : request,
  ).catch((error: unknown) => {
    if (isBefore && error instanceof SpuffError) warn(context, error);
    else context.progress.trace(`the ports of ${instance.name} are not carried any more: ${String(error)}`);
  });
  const sleeping = new AbortController();
  const late = context.runtime.sleep(patienceMs, sleeping.signal).catch(() => undefined);
  await Promise.race([settled.promise, tunnel, late]);
  sleeping.abort();
  isBefore = false;
  return {
    close: async () => {
      own.abort();
      await tunnel;
    },
  };
}

function warn(context: AppContext, error: SpuffError): void {
  context.progress.warn(`a port is not carried: ${error.message}`, error.hints);
}
