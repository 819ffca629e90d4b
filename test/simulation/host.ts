/** Computers that spuff runs on, and its processes there: they sleep with their computer, and die at any request. */
import type { Runtime } from '../../src/domain/provider.ts';
import type { MemoryState } from '../fakes/memory-state.ts';
import type { Random } from './random.ts';
import { covers, endOfSpan, type Span } from './spans.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface Host {
  name: string;
  /** How far its clock is ahead of the truth. */
  skewMs: number;
  /** It is suspended, and everything on it stands still. */
  asleep: Span[];
  /** It has no network. */
  cutOff: Span[];
  /** From then on nobody has it. */
  lostAtMs: number;
  /** null: a computer that keeps nothing, such as one of a CI service. */
  state: MemoryState | null;
}

export function isUsable(host: Host, atMs: number): boolean {
  return atMs < host.lostAtMs && !covers(host.asleep, atMs);
}

export interface ProcessOptions {
  host: Host;
  /** What it is there for, such as `up`. */
  kind: string;
  /** It dies at this of the moments at which it may; null: at none. */
  dieAt: number | null;
}

/** One run of spuff. */
export class SimProcess {
  readonly host: Host;
  readonly kind: string;
  readonly signal = new AbortController().signal;
  readonly runtime: Runtime;
  /** Told when it dies before its end. */
  onDeath: () => void = () => undefined;
  #isDead = false;
  #moments = 0;
  readonly #dieAt: number | null;
  readonly #time: VirtualTime;

  constructor(time: VirtualTime, random: Random, { host, kind, dieAt }: ProcessOptions) {
    this.host = host;
    this.kind = kind;
    this.#time = time;
    this.#dieAt = dieAt;
    const now = () => Math.floor(time.now() + host.skewMs);
    this.runtime = { now, sleep: (ms) => this.sleep(ms), random: random.next };
  }

  get isAlive(): boolean {
    return !this.#isDead && this.#time.now() < this.host.lostAtMs;
  }

  /** How often it could have died so far. */
  get moments(): number {
    return this.#moments;
  }

  /** Never comes back when the process dies meanwhile. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        if (!this.isAlive) return;
        const wakesAtMs = endOfSpan(this.host.asleep, this.#time.now());
        if (wakesAtMs === null) resolve();
        else this.#time.at(wakesAtMs, wake);
      };
      this.#time.at(this.#time.now() + ms, wake);
    });
  }

  /** A moment at which it may die: then it does not come back. */
  async mayDie(): Promise<void> {
    this.#moments += 1;
    if (this.#moments === this.#dieAt && !this.#isDead) {
      this.#isDead = true;
      this.onDeath();
    }
    if (!this.isAlive) await new Promise(() => undefined);
  }

  /** It is over: what it still has open does nothing any more. */
  end(): void {
    this.#isDead = true;
  }
}
