/** A machine while it is on: its clocks, its agent, and what its user does there. */
import { tickMs } from '../../src/agent/lifecycle.ts';
import type { AgentConfig } from '../../src/domain/agent-config.ts';
import { type AgentWorld, createSimAgent, type SimAgent } from './sim-agent.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface VmTraits {
  /** How far it is ahead of the truth, and from when on it is right. */
  skewMs: number;
  rightFromMs: number;
  isDeaf: boolean;
}

export class SimVm {
  readonly id: string;
  readonly work = { isRunning: false, lastAtMs: null as number | null };
  isOn = true;
  isOffByOwner = false;
  /** Its user wants it on until then, whether it is used or not; a boot forgets that. */
  keptUntilMs = 0;
  /** null: none was installed. */
  config: AgentConfig | null = null;
  /** The last moment at which its user did something, or something worked for him; the boot before that. */
  usedAtMs: number;
  readonly #time: VirtualTime;
  readonly #traits: VmTraits;
  readonly #powerOff: (reason: string) => void;
  #bootedAtMs: number;
  #agent: SimAgent | null = null;
  #isHung = false;
  #memory: AgentWorld['memory'] = { seen: null };
  #missedCall = false;
  #nextTick = 0;

  constructor(
    time: VirtualTime,
    id: string,
    traits: VmTraits,
    powerOff: (vm: SimVm, reason: string) => void,
  ) {
    this.#time = time;
    this.id = id;
    this.#traits = traits;
    this.#powerOff = (reason) => powerOff(this, reason);
    this.#bootedAtMs = time.now();
    this.usedAtMs = time.now();
    if (traits.rightFromMs > time.now()) time.at(traits.rightFromMs, () => this.#lookSoon());
  }

  now = (): number => {
    const isWrong = this.#time.now() < this.#traits.rightFromMs;
    return Math.floor(this.#time.now() + (isWrong ? this.#traits.skewMs : 0));
  };

  /** What `spuff up` does, and `spuff extend`: the agent starts anew. */
  install(config: AgentConfig): void {
    this.config = config;
    if (this.isOn) this.startAgent();
  }

  startAgent(): void {
    if (this.config === null || !this.isOn) return;
    const config = this.config;
    this.#agent = createSimAgent({
      now: this.now,
      monotonicMs: () => this.#time.now() - this.#bootedAtMs,
      config: () => this.config ?? config,
      work: this.#traits.isDeaf ? { isRunning: false, lastAtMs: null } : this.work,
      memory: this.#memory,
      powerOff: (reason) => this.#powerOff(reason),
    });
    this.#isHung = false;
    this.#hearMissed();
    this.#lookSoon();
  }

  killAgent(): void {
    this.#agent = null;
  }

  hangAgent(isHung: boolean): void {
    this.#isHung = isHung;
    if (isHung) return;
    this.#hearMissed();
    this.#lookSoon();
  }

  /** A key pressed, a call: what shows that somebody is there. It only puts off what the next look would find. */
  use(): void {
    if (!this.isOn) return;
    this.usedAtMs = this.#time.now();
    if (this.#traits.isDeaf) return;
    if (this.#agent === null || this.#isHung) this.#missedCall = true;
    else this.#agent.noteCall();
  }

  /** `spuff keep`. */
  keep(forMs: number): void {
    if (!this.isOn || this.#agent === null || this.#isHung) return;
    this.keptUntilMs = this.#time.now() + forMs;
    this.#agent.noteCall();
    this.#agent.hold(this.now() + forMs);
    this.usedAtMs = this.#time.now();
    this.#lookSoon();
  }

  setWork(isRunning: boolean): void {
    if (!this.isOn) return;
    if (this.work.isRunning !== isRunning) {
      this.usedAtMs = this.#time.now();
      this.work.lastAtMs = this.now();
    }
    this.work.isRunning = isRunning;
    this.#lookSoon();
  }

  switchOff(): void {
    this.isOn = false;
    this.work.isRunning = false;
    this.#agent = null;
  }

  switchOn(): void {
    if (this.isOn) return;
    this.isOn = true;
    this.#memory = { seen: null };
    this.keptUntilMs = 0;
    this.#bootedAtMs = this.#time.now();
    this.usedAtMs = this.#time.now();
    this.startAgent();
  }

  /** Terminals keep the time of their last key, whether an agent looks or not. */
  #hearMissed(): void {
    if (this.#agent === null) return;
    if (this.#missedCall) this.#agent.noteCall();
    this.#missedCall = false;
  }

  #lookSoon(): void {
    this.#planTick(tickMs);
  }

  #planTick(afterMs: number): void {
    const turn = ++this.#nextTick;
    this.#time.at(this.#time.now() + afterMs, () => {
      if (turn !== this.#nextTick || this.#agent === null || this.#isHung || !this.isOn) return;
      const waitMs = this.#agent.tick();
      if (turn === this.#nextTick) this.#planTick(waitMs);
    });
  }
}
