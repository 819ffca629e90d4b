/** What a tunnel meets in tests: a machine, a computer, their time and their network. */
import type { AppContext } from '../../src/app/context.ts';
import { keepTunnel, type TunnelEnd, type TunnelRequest } from '../../src/app/keep-tunnel.ts';
import type { TunnelEvent } from '../../src/app/tunnel-event.ts';
import { type ErrorCode, SpuffError } from '../../src/domain/errors.ts';
import { silentProgress } from '../../src/domain/progress.ts';
import type { PortWish } from '../../src/domain/project.ts';
import type { Ssh } from '../../src/domain/ssh.ts';
import type { RemoteListener, TunnelLinkOptions, TunnelRecord } from '../../src/domain/tunnel.ts';
import type { PortLook } from '../../src/lib/local-port.ts';
import { MemoryState } from './memory-state.ts';
import { MemoryTunnels } from './memory-tunnels.ts';
import { sampleInstance } from './sample-instance.ts';

/** A failure of ssh. */
export const broken = (code: ErrorCode = 'connection') => new SpuffError(code, `broken: ${code}`);
/** The port that is asked for unless another one is. */
export const web: PortWish = { local: 3000, remote: 3000 };

/** One connection that the test holds in its hands. */
export class FakeLink {
  readonly forwards: string[] = [];
  isClosed = false;
  answers = true;
  asked = 0;
  readonly options: TunnelLinkOptions;
  readonly end = Promise.withResolvers<SpuffError>();

  constructor(options: TunnelLinkOptions) {
    this.options = options;
  }

  tell(...listeners: RemoteListener[]): void {
    this.options.onListeners(listeners);
  }
}

/** A computer whose time goes on when everybody waits, and a machine that lets in or does not. */
export class TunnelScene {
  readonly state = new MemoryState([sampleInstance()]);
  readonly tunnels = new MemoryTunnels();
  readonly stop = new AbortController();
  readonly links: FakeLink[] = [];
  readonly events: TunnelEvent[] = [];
  readonly waits: number[] = [];
  readonly warnings: string[] = [];
  /** Answers to logins, the first one first; then all are let in. */
  readonly refusals: SpuffError[] = [];
  readonly taken = new Map<number, PortLook>();
  addresses = '192.0.2.1';
  nowMs = Date.UTC(2026, 10, 23, 12, 0, 0);
  /** Done once each, when so many sleeps have ended. */
  readonly plan: (() => void)[] = [];
  listeners: RemoteListener[] = [];
  /** A session of a user's, by its exit status. */
  session: () => Promise<number> = async () => 0;

  readonly context = {
    directory: '/projects/here',
    signal: this.stop.signal,
    progress: { ...silentProgress, warn: (text: string) => void this.warnings.push(text) },
    runtime: {
      now: () => this.nowMs,
      random: () => 1,
      sleep: async (ms: number, signal: AbortSignal) => {
        this.waits.push(ms);
        await new Promise((resolve) => setImmediate(resolve));
        this.nowMs += ms;
        this.plan.shift()?.();
        signal.throwIfAborted();
      },
    },
    state: async () => this.state,
    tunnels: async () => this.tunnels,
    settings: async () => ({ addressService: 'https://address.invalid', forwardAgent: 'none' }),
    policy: async () => [],
    provider: async () => ({ firewall: null }),
    ssh: async () => ({ openTunnel: this.#open, openSession: () => this.session() }) as unknown as Ssh,
  } as unknown as AppContext;

  readonly #open: Ssh['openTunnel'] = async (_target, options) => {
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    const link = new FakeLink(options);
    this.links.push(link);
    link.tell(...this.listeners);
    return {
      ended: link.end.promise,
      forward: async ({ local, remote }) => void link.forwards.push(`${local}:${remote}`),
      answers: async () => {
        link.asked++;
        return link.answers;
      },
      close: async () => {
        link.isClosed = true;
      },
    };
  };

  readonly computer = {
    lookAtPort: async (port: number) => this.taken.get(port) ?? ({ kind: 'free' } as const),
    describeAddresses: () => this.addresses,
  };

  run(change: Partial<TunnelRequest> = {}): Promise<TunnelEnd> {
    return keepTunnel(this.context, sampleInstance(), {
      ...{ id: '0123abcd', kind: 'foreground', ports: [web], anyPort: false, auto: false },
      onEvent: (event) => void this.events.push(event),
      computer: this.computer,
      ...change,
    });
  }

  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  get last(): TunnelRecord | undefined {
    return this.tunnels.saved.at(-1);
  }
}
