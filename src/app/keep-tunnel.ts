import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import type { RemoteListener, TunnelLink, TunnelRecord, TunnelStore } from '../domain/tunnel.ts';
import { lookAtPort, type PortLook } from '../lib/local-port.ts';
import { describeAddresses } from '../lib/own-addresses.ts';
import { sayWhenShutOut } from './change-firewall.ts';
import type { AppContext } from './context.ts';
import { sshTargetOf } from './select-instance.ts';
import { type TunnelEvent, toFailure } from './tunnel-event.ts';
import { type PortsRequest, TunnelPorts } from './tunnel-ports.ts';

export interface TunnelRequest extends PortsRequest {
  onEvent: (event: TunnelEvent, record: TunnelRecord) => void;
  /** This computer, unless told. */
  computer?: Computer;
}

/** What a tunnel asks of the computer that it is on. */
export interface Computer {
  lookAtPort(port: number): Promise<PortLook>;
  /** Changes when the network does. */
  describeAddresses(): string;
}

/** Why it is over: somebody stopped it, or there is no machine any more. */
export type TunnelEnd = 'stopped' | 'destroyed' | 'lease-over';

const tickMs = 2_000;
/** A clock that has gone on by so much more than it should was asleep, or set. */
const jumpMs = 10_000;
const answerMs = 5_000;
/** A connection that held so long was a good one: the next wait is short again. */
const goodMs = 10_000;
const backoffMs = { first: 500, factor: 1.8, most: 30_000 };
/** What trying again does not change. */
const lasting = new Set(['host-identity', 'config', 'unsupported', 'permission', 'usage', 'internal']);

/**
 * Carries ports of an instance to this computer until the signal aborts or the instance is no more, and builds the
 * connection again whenever it breaks. Its record is in the store as long as it runs.
 * @throws SpuffError what the first connection fails with, a port that can't be had, and later only what trying again does
 * not change; a `session` tunnel waits for its ports and for the connection instead
 */
export async function keepTunnel(
  context: AppContext,
  instance: Instance,
  request: TunnelRequest,
): Promise<TunnelEnd> {
  const store = await context.tunnels();
  try {
    return await new KeptTunnel(context, store, instance, request).run();
  } finally {
    store.remove(request.id);
  }
}

class KeptTunnel {
  readonly #context: AppContext;
  readonly #store: TunnelStore;
  readonly #key: InstanceKey;
  readonly #request: TunnelRequest;
  readonly #computer: Computer;
  readonly #ports: TunnelPorts;
  readonly #bare: Omit<TunnelRecord, 'ports' | 'offered' | 'state' | 'since' | 'lastError'>;
  #now: Pick<TunnelRecord, 'state' | 'since' | 'lastError'>;
  #wake: () => void = () => undefined;
  #seen: { atMs: number; addresses: string };

  constructor(context: AppContext, store: TunnelStore, instance: Instance, request: TunnelRequest) {
    this.#context = context;
    this.#store = store;
    this.#key = instance.key;
    this.#request = request;
    this.#computer = request.computer ?? { lookAtPort, describeAddresses };
    const emit = (event: TunnelEvent) => request.onEvent(event, this.#record());
    this.#ports = new TunnelPorts(request, { instance, store, lookAtPort: this.#computer.lookAtPort, emit });
    const startedAt = new Date(context.runtime.now());
    const { id, kind, auto } = request;
    this.#bare = { id, kind, auto, key: instance.key, name: instance.name, process: store.self(), startedAt };
    this.#now = { state: 'connecting', since: startedAt, lastError: null };
    this.#seen = this.#look();
  }

  #record(): TunnelRecord {
    const { ports, offered } = this.#ports;
    return { ...this.#bare, ...this.#now, ports, offered };
  }

  async run(): Promise<TunnelEnd> {
    await this.#ports.claimAll();
    this.#store.save(this.#record());
    let wasIn = false;
    for (let attempt = 0; ; attempt++) {
      const { instance, end } = await this.#find();
      if (end !== null) return end;
      const link = await this.#connect(instance, attempt);
      if (link instanceof SpuffError) {
        if (this.#context.signal.aborted) return 'stopped';
        const mayTryAgain = wasIn || this.#request.kind === 'session';
        if (lasting.has(link.code) || !mayTryAgain) throw link;
        this.#lose(link);
      } else {
        const sinceMs = this.#context.runtime.now();
        const failure = await this.#carry(link, wasIn);
        wasIn = true;
        // Whoever destroys the machine ends its connections first.
        if (failure && (await this.#find()).end === null) this.#lose(failure);
        if (this.#context.runtime.now() - sinceMs >= goodMs) attempt = -1;
      }
      await this.#pause(delayOf(Math.max(0, attempt), this.#context.runtime.random()));
    }
  }

  async #find(): Promise<{ instance: Instance; end: null } | { instance: null; end: TunnelEnd }> {
    if (this.#context.signal.aborted) return { instance: null, end: 'stopped' };
    const instance = (await this.#context.state()).getInstance(this.#key);
    if (!instance || instance.phase === 'destroying') return { instance: null, end: 'destroyed' };
    const isOver = instance.expiresAt !== null && instance.expiresAt.getTime() <= this.#context.runtime.now();
    return isOver ? { instance: null, end: 'lease-over' } : { instance, end: null };
  }

  async #connect(instance: Instance, attempt: number): Promise<TunnelLink | SpuffError> {
    const options = {
      signal: this.#context.signal,
      onPrompt: (text: string) => this.#context.progress.note(text),
      onListeners: (listeners: readonly RemoteListener[]) => {
        this.#ports.hear(listeners);
        this.#wake();
      },
    };
    try {
      const ssh = await this.#context.ssh();
      const open = () => ssh.openTunnel(sshTargetOf(instance), options);
      // That asks the provider, so not each time.
      return await (attempt === 0 || attempt === 4 ? sayWhenShutOut(this.#context, instance, open) : open());
    } catch (error) {
      if (error instanceof SpuffError) return error;
      throw error;
    }
  }

  /** As long as the connection holds. @returns why it was lost; null: it is not to be there any more */
  async #carry(link: TunnelLink, again: boolean): Promise<SpuffError | null> {
    try {
      await this.#ports.openAll(link);
      this.#change({ state: 'connected' }, { kind: 'connected', again });
      this.#seen = this.#look();
      for (;;) {
        const failure = await this.#tick(link);
        if (failure) return failure;
        const { end } = await this.#find();
        // Its agent switches it off when the lease is over, or somebody has extended it elsewhere.
        if (end !== null && end !== 'lease-over') return null;
        if (await this.#isStuck(link)) return silent(this.#bare.name);
        if (await this.#ports.follow(link)) this.#change({}, { kind: 'changed' });
      }
    } finally {
      await link.close();
    }
  }

  /** Waits for a moment, for news of the machine, or for the end of the connection. @returns why it ended */
  async #tick(link: TunnelLink): Promise<SpuffError | null> {
    const news = Promise.withResolvers<null>();
    this.#wake = () => news.resolve(null);
    if (this.#ports.isNews) return null;
    const failure = await Promise.race([link.ended, news.promise, this.#sleep(tickMs)]);
    // Ctrl-C reaches ssh as soon as it reaches this process.
    if (failure) await this.#sleep(50);
    return failure;
  }

  /** After a sleep, or in another network, a connection may be dead and not know it for half a minute. */
  async #isStuck(link: TunnelLink): Promise<boolean> {
    const before = this.#seen;
    this.#seen = this.#look();
    const isSame =
      this.#seen.addresses === before.addresses && this.#seen.atMs - before.atMs < tickMs + jumpMs;
    if (isSame || (await link.answers(answerMs))) {
      this.#seen = this.#look();
      return false;
    }
    return true;
  }

  /** Before it tries again; at once when the computer wakes up or gets into another network. */
  async #pause(ms: number): Promise<void> {
    const { runtime, signal } = this.#context;
    const untilMs = runtime.now() + ms;
    for (let leftMs = ms; leftMs > 0 && !signal.aborted; leftMs = untilMs - runtime.now()) {
      const { addresses } = this.#look();
      await this.#sleep(Math.min(leftMs, tickMs));
      if (this.#look().addresses !== addresses) return;
    }
  }

  #look(): { atMs: number; addresses: string } {
    return { atMs: this.#context.runtime.now(), addresses: this.#computer.describeAddresses() };
  }

  async #sleep(ms: number): Promise<null> {
    const { runtime, signal } = this.#context;
    // An abort ends the sleep, and is looked at by whoever slept.
    await runtime.sleep(ms, signal).catch(() => undefined);
    return null;
  }

  #lose(error: SpuffError): void {
    if (this.#context.signal.aborted) return;
    const { state, lastError } = this.#now;
    const isNew = state === 'connected' || lastError?.message !== error.message;
    const next = state === 'connecting' ? 'connecting' : 'reconnecting';
    if (isNew) this.#change({ state: next, lastError: toFailure(error) }, { kind: 'lost', error });
  }

  #change(change: Partial<TunnelRecord>, event: TunnelEvent): void {
    const isNewState = change.state !== undefined && change.state !== this.#now.state;
    const since = isNewState ? new Date(this.#context.runtime.now()) : this.#now.since;
    this.#now = { ...this.#now, ...change, since };
    this.#store.save(this.#record());
    this.#request.onEvent(event, this.#record());
  }
}

function delayOf(attempt: number, chance: number): number {
  const { first, factor, most } = backoffMs;
  return Math.min(most, first * factor ** attempt) * (0.75 + chance / 4);
}

function silent(name: string): SpuffError {
  return new SpuffError(
    'connection',
    `${name} did not answer after this computer slept or changed its network`,
  );
}
