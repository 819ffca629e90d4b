import type {
  CallOptions,
  Capabilities,
  Leftover,
  Runtime,
  SnapshotInfo,
  VmSpec,
  VmState,
} from '../../src/domain/provider.ts';
import { ProviderError, type ProviderErrorCode } from '../../src/domain/provider-error.ts';

/** What happens to a request that was told to go wrong. */
export type Fault =
  /** It takes effect and the answer is lost. */
  | { kind: 'answer-lost' }
  /** It never arrives. */
  | { kind: 'request-lost' }
  /** It arrives and is refused. */
  | { kind: 'refused'; code: ProviderErrorCode; retryable?: boolean }
  /** It takes effect and no answer comes until the caller gives up. */
  | { kind: 'hangs' };

export interface FakeMachine {
  id: string;
  spec: VmSpec;
  createdAt: Date;
  /** Its state at a moment of the runtime's time; `gone`: nobody is told of it any more. */
  state: (nowMs: number) => VmState;
  /** Who switched it off last; null: it was never off. */
  switchedOffBy: 'guest' | 'owner' | null;
}

export type Outcome<T> =
  | { answer: 'value'; value: T }
  | { answer: 'error'; toError: (provider: string, op: string) => ProviderError }
  | { answer: 'lost' };

/** Refusals of the cloud itself, which a provider turns into its own errors. */
class Refusal extends Error {
  readonly providerCode: ProviderErrorCode;

  constructor(providerCode: ProviderErrorCode, message: string) {
    super(message);
    this.providerCode = providerCode;
  }
}

/** The state of a cloud, and the line to it. */
export class FakeCloud {
  readonly requests: string[] = [];
  readonly snapshots: SnapshotInfo[] = [];
  readonly leftovers: Leftover[] = [];
  /** From create to running, from power-off to stopped, and from delete to gone. */
  changeMs = 3_000;
  readonly #runtime: Runtime;
  readonly #caps: Pick<Capabilities, 'idempotentCreate' | 'listLagSeconds' | 'guestPoweroff' | 'billing'>;
  readonly #machines = new Map<string, FakeMachine>();
  readonly #faults: { op: string; fault: Fault }[] = [];
  #nextId = 1;

  constructor(
    runtime: Runtime,
    caps: Pick<Capabilities, 'idempotentCreate' | 'listLagSeconds' | 'guestPoweroff' | 'billing'>,
  ) {
    this.#runtime = runtime;
    this.#caps = caps;
  }

  /** Makes the next request of a method of the port go wrong; several of them, one after the other. */
  failNext(op: string, ...faults: Fault[]): void {
    this.#faults.push(...faults.map((fault) => ({ op, fault })));
  }

  /** Every machine there is, also those that lists don't show yet. */
  get machines(): FakeMachine[] {
    return [...this.#machines.values()].filter((machine) => machine.state(this.#runtime.now()) !== 'gone');
  }

  async request<T>(op: string, call: CallOptions, handle: () => T): Promise<Outcome<T>> {
    this.requests.push(op);
    const at = this.#faults.findIndex((planned) => planned.op === op);
    const fault = at < 0 ? undefined : this.#faults.splice(at, 1)[0]?.fault;
    // A request takes at least a moment, so that two at once come in turn.
    await this.#runtime.sleep(1, call.signal);
    if (fault?.kind === 'request-lost') return { answer: 'lost' };
    if (fault?.kind === 'refused')
      return refusal(fault.code, 'refused, as the test asked for', fault.retryable);
    const outcome = attempt(handle);
    if (fault?.kind === 'hangs') {
      await this.#runtime.sleep(Math.max(0, call.deadline.getTime() - this.#runtime.now()), call.signal);
      return refusal('timeout', 'no answer in time', true);
    }
    return fault?.kind === 'answer-lost' ? { answer: 'lost' } : outcome;
  }

  make(spec: VmSpec): FakeMachine {
    const twin = this.machines.find((machine) => machine.spec.name === spec.name);
    if (twin && this.#caps.idempotentCreate === 'unique-name')
      throw new Refusal('name-taken', 'the name is taken');
    if (twin && this.#caps.idempotentCreate === 'token') return twin;
    if (
      spec.image.kind === 'id' &&
      !this.snapshots.some(({ id }) => spec.image.kind === 'id' && id === spec.image.id)
    ) {
      throw new Refusal('not-found', 'there is no such image');
    }
    const nowMs = this.#runtime.now();
    const runsAtMs = nowMs + this.changeMs;
    const machine: FakeMachine = {
      id: `m-${this.#nextId++}`,
      spec: structuredClone(spec),
      createdAt: new Date(nowMs),
      state: (atMs) => (atMs >= runsAtMs ? 'running' : 'provisioning'),
      switchedOffBy: null,
    };
    this.#machines.set(machine.id, machine);
    return machine;
  }

  machine(id: string): FakeMachine | undefined {
    return this.machines.find((machine) => machine.id === id);
  }

  /** What a list shows: nothing that is younger than the lag. */
  listed(): FakeMachine[] {
    const youngestMs = this.#runtime.now() - this.#caps.listLagSeconds * 1_000;
    return this.machines.filter(({ createdAt }) => createdAt.getTime() <= youngestMs);
  }

  /** From inside the machine, so nobody is asked. */
  powerOff(id: string): void {
    const machine = this.machine(id);
    const ends = this.#caps.guestPoweroff === 'deletes' && machine?.spec.onIdle !== 'snapshot';
    this.#change(id, 'stopping', ends ? 'gone' : 'stopped');
    if (machine) machine.switchedOffBy = 'guest';
  }

  /** Through the cloud, as its console does it. */
  stop(id: string): void {
    const machine = this.machine(id);
    this.#change(id, 'stopping', 'stopped');
    if (machine) machine.switchedOffBy = 'owner';
  }

  start(id: string): void {
    this.#change(id, 'provisioning', 'running');
  }

  /** Whatever the reason: from now on the provider says that it failed. */
  breakMachine(id: string): void {
    this.#change(id, 'failed', 'failed');
  }

  remove(id: string): void {
    this.#change(id, 'deleting', 'gone');
  }

  #change(id: string, meanwhile: VmState, then: VmState): void {
    const machine = this.machine(id);
    const doneAtMs = this.#runtime.now() + this.changeMs;
    if (machine) machine.state = (atMs) => (atMs >= doneAtMs ? then : meanwhile);
  }

  takeSnapshot(id: string, name: string): SnapshotInfo {
    const machine = this.machine(id);
    if (!machine) throw new Refusal('not-found', 'there is no such machine');
    const snapshot: SnapshotInfo = {
      id: `s-${this.#nextId++}`,
      name,
      key: machine.spec.key,
      instanceName: machine.spec.instanceName,
      createdAt: new Date(this.#runtime.now()),
      sizeBytes: 1_000_000,
      region: machine.spec.region,
      billed: this.#caps.billing !== null,
    };
    this.snapshots.push(snapshot);
    return snapshot;
  }

  deleteSnapshot(id: string): void {
    const at = this.snapshots.findIndex((snapshot) => snapshot.id === id);
    if (at >= 0) this.snapshots.splice(at, 1);
  }

  removeLeftover(id: string): void {
    const at = this.leftovers.findIndex((leftover) => leftover.id === id);
    if (at >= 0) this.leftovers.splice(at, 1);
  }
}

function attempt<T>(handle: () => T): Outcome<T> {
  try {
    return { answer: 'value', value: handle() };
  } catch (error) {
    if (error instanceof Refusal) return refusal(error.providerCode, error.message);
    throw error;
  }
}

function refusal(code: ProviderErrorCode, message: string, retryable = false): Outcome<never> {
  return {
    answer: 'error',
    toError: (provider, op) => new ProviderError(code, message, { provider, op, retryable }),
  };
}

/** A clock that moves when somebody sleeps, and lets everything else have its turn. */
export function createFakeRuntime(startMs = Date.UTC(2026, 0, 1)): Runtime & { advance(ms: number): void } {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      nowMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    },
    random: () => 0.5,
    advance(ms) {
      nowMs += ms;
    },
  };
}
