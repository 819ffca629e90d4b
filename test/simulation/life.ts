/** One life: an account, its computers, and what happens to a machine from its order to its end. */
import type { ReapReport } from '../../src/app/reap-run.ts';
import type { Instance } from '../../src/domain/instance.ts';
import type { CallOptions, Provider, SnapshotInfo } from '../../src/domain/provider.ts';
import { MemoryState } from '../fakes/memory-state.ts';
import { createAwsModel } from './aws-model.ts';
import type { CloudModel, ModelName, World } from './cloud-model.ts';
import type { CommandWorld } from './commands.ts';
import { createDigitalOceanModel } from './digitalocean-model.ts';
import { createHetznerModel } from './hetzner-model.ts';
import { type Host, SimProcess } from './host.ts';
import { Ledger, type MachineRecord } from './ledger.ts';
import { dayMs, type HostPlan, hourMs, type LifePlan } from './life-plan.ts';
import { createLocalModel } from './local-model.ts';
import type { Random } from './random.ts';
import { SimVm } from './sim-vm.ts';
import type { Span } from './spans.ts';
import { VirtualTime } from './virtual-time.ts';

const models: Readonly<Record<ModelName, (world: World) => CloudModel>> = {
  ...{ digitalocean: createDigitalOceanModel, hetzner: createHetznerModel },
  ...{ aws: createAwsModel, local: createLocalModel },
};

const beginsMs = Date.UTC(2027, 0, 4, 8);

/** What is made worse than it is, on purpose. */
export interface Broken {
  provider?: (whole: Provider, model: CloudModel, process: SimProcess) => Provider;
  /** The agent is told of nothing that its user does. */
  isDeaf?: boolean;
  /** Each receipt is taken for the first of its machine. */
  writesTwice?: boolean;
}

interface LifeSettings {
  isTraced?: boolean;
  broken?: Broken;
}

async function* nothing(): AsyncGenerator<never> {}

export class Life {
  readonly broken: Broken;
  readonly plan: LifePlan;
  readonly random: Random;
  readonly time = new VirtualTime(beginsMs);
  readonly ledger = new Ledger();
  readonly vms = new Map<string, SimVm>();
  readonly model: CloudModel;
  readonly weather: World['weather'];
  /** The names of machines whose end a command had begun. */
  readonly askedEnds = new Set<string>();
  readonly commands: CommandWorld;
  readonly laptop: Host;
  readonly second: Host | null;
  readonly elsewhere: Host | null;
  /** What nobody foresaw. */
  readonly bugs: unknown[] = [];
  readonly trace: string[] = [];
  readonly receipts = new Map<string, number>();
  readonly deaths: (Span & { host: Host })[] = [];
  readonly wrongReceipts: string[] = [];
  /** Told of whatever may change a reaper's mind. */
  onChange: () => void = () => undefined;
  readonly #isTraced: boolean;

  constructor(plan: LifePlan, random: Random, { isTraced = false, broken = {} }: LifeSettings = {}) {
    [this.plan, this.random, this.#isTraced, this.broken] = [plan, random, isTraced, broken];
    const { down, refusing, noSnapshots, lossShare } = plan.weather;
    const shift = (spans: typeof down) => spans.map((span) => this.span(span));
    this.weather = {
      ...{ down: shift(down), refusing: shift(refusing), noSnapshots: shift(noSnapshots), lossShare },
    };
    const onDone = (process: SimProcess) => this.look(`${process.kind} at ${process.host.name}`, 'request');
    const model = models[plan.model]({ time: this.time, random, weather: this.weather, onDone });
    const { provider: breakProvider = (whole) => whole } = broken;
    this.model = { ...model, open: (process) => breakProvider(model.open(process), model, process) };
    this.model.setListLag(plan.listLagSeconds);
    this.laptop = this.#makeHost('laptop', plan.laptop, new MemoryState());
    this.second = plan.second && this.#makeHost('second laptop', plan.second, new MemoryState());
    this.elsewhere = plan.elsewhere && this.#makeHost('elsewhere', plan.elsewhere, null);
    this.commands = {
      model: this.model,
      settings: { maxLifetimeMs: plan.ttlMs, idleTimeoutMs: plan.idleTimeoutMs, onIdle: plan.onIdle },
      now: this.time.now,
      writesTwice: broken.writesTwice ?? false,
      onNew: (instance) => this.#noteOrder(instance),
      onDestroying: (key, { kind }) => {
        if (kind !== 'reap') this.askedEnds.add(`spuff-${key}`);
      },
      onExtend: (key, expiresAt, isDone) => {
        const order = this.ledger.orders.get(`spuff-${key}`);
        if (order) order[isDone ? 'leastEndMs' : 'mostEndMs'] = expiresAt.getTime();
      },
      install: (vmId, config) => {
        const vm = this.vms.get(vmId);
        vm?.install(config);
        return vm?.isOn ?? false;
      },
    };
  }

  /** A moment of the plan. */
  at(ms: number): number {
    return beginsMs + ms;
  }

  span<T extends { fromMs: number; toMs: number }>(span: T): T {
    return { ...span, fromMs: this.at(span.fromMs), toMs: this.at(span.toMs) };
  }

  tell(what: string): void {
    if (!this.#isTraced) return;
    const ms = this.time.now() - beginsMs;
    const clock = new Date(ms).toISOString().slice(11, 19);
    this.trace.push(`day ${Math.floor(ms / dayMs)} ${clock}  ${what}`);
  }

  #makeHost(name: string, plan: HostPlan, state: MemoryState | null): Host {
    return {
      ...{ name, skewMs: plan.skewMs, state, lostAtMs: this.at(plan.lostAtMs) },
      asleep: plan.asleep.map((span) => this.span(span)),
      cutOff: plan.cutOff.map((span) => this.span(span)),
    };
  }

  process(host: Host, kind: string, dieAt: number | null = null): SimProcess {
    return new SimProcess(this.time, this.random, { host, kind, dieAt });
  }

  #noteOrder({ key, name, tariff, expiresAt }: Instance): void {
    const nowMs = this.time.now();
    const endMs = nowMs + this.plan.ttlMs;
    const order = { name, orderedAtMs: nowMs, leastEndMs: endMs, mostEndMs: endMs, tariff };
    this.ledger.orders.set(`spuff-${key}`, order);
    this.tell(`${name} is written down, until ${expiresAt?.toISOString()} by the laptop's clock`);
  }

  /** Takes in what the cloud has by now, and who saw to it. */
  look(by: string, why: 'request' | 'console' | 'agent' | 'user'): void {
    const nowMs = this.time.now();
    const { come, gone } = this.ledger.compare(this.model.machines(), nowMs);
    for (const machine of come) this.#greet(machine, by);
    for (const machine of gone) {
      const vm = this.vms.get(machine.id);
      if (why === 'request') this.noteEnding(machine, { by, why });
      vm?.switchOff();
      this.tell(`${machine.id} is no more (${by})`);
    }
    if (come.length > 0 || gone.length > 0) this.onChange();
  }

  #greet(machine: MachineRecord, by: string): void {
    if (this.ledger.orderOf(machine) === null) return;
    this.tell(`${machine.id} is made (${by})`);
    const { skewMs, wrongForMs } = this.plan.vmClock;
    const rightFromMs = skewMs === 0 ? 0 : this.time.now() + wrongForMs;
    const vm = new SimVm(
      this.time,
      machine.id,
      { skewMs, rightFromMs, isDeaf: this.broken.isDeaf ?? false },
      (of, reason) => {
        this.tell(`the agent powers ${of.id} off: ${reason}`);
        this.switchOff(of, 'agent');
      },
    );
    this.vms.set(machine.id, vm);
  }

  noteEnding(machine: MachineRecord, { by, why }: { by: string; why: 'request' | 'agent' | 'user' }): void {
    const vm = this.vms.get(machine.id);
    if (!vm) return;
    machine.endings.push({
      ...{ atMs: this.time.now(), by, why },
      wasInUse: vm.isOn && (vm.work.isRunning || vm.keptUntilMs > this.time.now()),
      hadWrongClock: Math.abs(vm.now() - this.time.now()) > 1_000,
      idleMs: this.time.now() - vm.usedAtMs,
    });
  }

  /** From inside, by the agent or by its user. */
  switchOff(vm: SimVm, by: 'agent' | 'user'): void {
    const machine = this.ledger.machines.get(vm.id);
    if (!machine || !vm.isOn) return;
    this.noteEnding(machine, { by, why: by });
    vm.switchOff();
    this.model
      .powerOff(vm.id)
      .then(() => {
        this.look(by, by);
        this.onChange();
      })
      .catch((error: unknown) => this.bugs.push(error));
  }

  async removeThroughConsole(id: string): Promise<void> {
    this.tell(`its owner deletes ${id} in the console`);
    await this.model.remove(id);
    this.look('its owner', 'console');
  }

  /** Through the cloud's console, as its owner does it. */
  async switchThroughConsole(id: string, to: 'on' | 'off'): Promise<void> {
    const vm = this.vms.get(id);
    if (!vm || vm.isOn === (to === 'on')) return;
    if (to === 'off') {
      await this.model.stop(id);
      vm.switchOff();
      vm.isOffByOwner = true;
    } else if (vm.isOffByOwner) {
      await this.model.start(id);
      vm.isOffByOwner = false;
      vm.switchOn();
    }
    this.tell(`its owner switches ${id} ${to} through the console`);
    this.onChange();
  }

  /** A reaper that dies begins anew with its next run. */
  noteDeath(host: Host): void {
    const nowMs = this.time.now();
    this.deaths.push({ host, fromMs: nowMs - 1, toMs: nowMs });
  }

  /** How often each reaper has told of the end of a machine, and those whose word of it is wrong. */
  noteReceipts(host: Host, { machines }: ReapReport): void {
    // What keeps nothing can't know what it has told.
    if (host.state === null) return;
    for (const { id, receipt } of machines) {
      if (receipt === null) continue;
      const teller = `${host.name} ${receipt.key}`;
      this.receipts.set(teller, (this.receipts.get(teller) ?? 0) + 1);
      const { goneAtMs } = this.ledger.machines.get(id) ?? {};
      const offMs = receipt.endedAt === null ? 0 : Math.abs(receipt.endedAt.getTime() - (goneAtMs ?? 0));
      if (offMs > 15 * 60_000) this.wrongReceipts.push(id);
    }
  }

  /** The names of the machines whose keys a reaper sees, by a line that nothing disturbs. */
  async listKeys(): Promise<Set<string>> {
    const machines = await this.#list((provider, call) => provider.list(call));
    return new Set(machines.map(({ key }) => `spuff-${key}`));
  }

  /** Likewise. */
  listSnapshots(): Promise<SnapshotInfo[]> {
    return this.#list((provider, call) => provider.snapshots?.list(call) ?? nothing());
  }

  async #list<T>(of: (provider: Provider, call: CallOptions) => AsyncIterable<T>): Promise<T[]> {
    const host = { ...this.laptop, skewMs: 0, asleep: [], cutOff: [], lostAtMs: Number.POSITIVE_INFINITY };
    const process = this.process(host, 'list');
    Object.assign(this.weather, { down: [], refusing: [], lossShare: 0 });
    const call = { signal: process.signal, deadline: new Date(this.time.now() + hourMs) };
    const listed: T[] = [];
    const list = async () => {
      for await (const one of of(this.model.open(process), call)) listed.push(one);
    };
    list().catch((error: unknown) => this.bugs.push(error));
    await this.time.run(this.time.now() + hourMs);
    return listed;
  }

  /** The machine that the laptop's user means. */
  get vm(): SimVm | null {
    return this.ledger.alive.map(({ id }) => this.vms.get(id)).find((vm) => vm !== undefined) ?? null;
  }

  /** When nothing more is to come, whatever happens. */
  get endsMs(): number {
    const { ttlMs, extends: moves } = this.plan;
    return this.at(ttlMs + moves.reduce((sum, { byMs }) => sum + byMs, 0) + 6 * dayMs + hourMs);
  }
}
