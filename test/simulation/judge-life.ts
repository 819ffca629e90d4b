/** What a life came to, held against what was promised. */
import { offGraceMs } from '../../src/domain/judge-machine.ts';
import { costOf } from '../../src/domain/money.ts';
import type { Host } from './host.ts';
import type { Ending, MachineRecord, Order } from './ledger.ts';
import type { Life } from './life.ts';
import { minuteMs } from './life-plan.ts';
import { shutOut } from './shut-out.ts';
import { firstQuiet } from './spans.ts';

/** What a run of the reaper takes at most, where nothing is in its way, with a second look and three tries. */
export const slackMs = 10 * minuteMs;

/** Clocks that are set by the network differ by less, and are left alone. */
const tolerableMs = 2 * minuteMs + 5_000;

export type ViolationKind =
  | 'billed-too-long'
  | 'billed-while-off'
  | 'ended-in-use'
  | 'ended-early'
  | 'not-spuffs-destroyed'
  | 'untracked'
  | 'lost-disk'
  | 'two-receipts'
  | 'wrong-receipt'
  | 'bug';

/** What goes wrong where nothing is promised. */
export type MishapKind = 'ended-by-wrong-clock';

export interface Finding {
  kind: ViolationKind | MishapKind;
  text: string;
}

/** Who could destroy the machine in this life. */
export type Keeper = 'elsewhere' | 'timer' | 'commands';

export interface LifeResult {
  keeper: Keeper;
  machines: number;
  violations: Finding[];
  mishaps: Finding[];
  /** Of each machine that was billed beyond its lease: for how long, in ms. */
  overrunsMs: number[];
  /** Of those: how many were still there at the end of the simulation. */
  neverGone: number;
  /** What was billed although nobody could use it any more, by currency. */
  wasted: number;
}

export async function judgeLife(life: Life): Promise<LifeResult> {
  const found: Finding[] = [];
  const say: Say = (kind, text) => void found.push({ kind, text });
  const owned = [...life.ledger.machines.values()].filter((one) => life.ledger.orderOf(one) !== null);
  for (const machine of life.ledger.machines.values()) {
    const order = life.ledger.orderOf(machine);
    if (order === null) {
      if (machine.goneAtMs !== null) say('not-spuffs-destroyed', machine.name);
      continue;
    }
    judgeEnd(life, machine, order, say);
    for (const ending of machine.endings) judgeEnding(life, machine, order, ending, say);
  }
  for (const id of await findUntracked(life)) say('untracked', id);
  for (const [teller, count] of life.receipts) if (count > 1) say('two-receipts', teller);
  for (const id of life.wrongReceipts) say('wrong-receipt', id);
  for (const bug of life.bugs) say('bug', bug instanceof Error ? (bug.stack ?? bug.message) : String(bug));
  const measured = measure(life, owned);
  for (const id of await findLostDisks(life, owned)) say('lost-disk', id);
  return {
    ...{ keeper: keeperOf(life), machines: owned.length },
    violations: found.filter(({ kind }) => kind !== 'ended-by-wrong-clock'),
    mishaps: found.filter(({ kind }) => kind === 'ended-by-wrong-clock'),
    ...measured,
  };
}

function keeperOf({ plan }: Life): Keeper {
  if (plan.elsewhere?.reapEveryMs) return 'elsewhere';
  return plan.laptop.reapEveryMs || plan.second?.reapEveryMs ? 'timer' : 'commands';
}

type Say = (kind: Finding['kind'], text: string) => void;

/** It must be gone once a reaper has had access for long enough since the end of its lease, or since it switched itself off. */
function judgeEnd(life: Life, machine: MachineRecord, { mostEndMs }: Order, say: Say): void {
  const goneMs = machine.goneAtMs ?? life.time.now();
  const late = (sinceMs: number) => `${machine.id}: ${Math.round((goneMs - sinceMs) / minuteMs)} minutes`;
  if (goneMs > limitOf(life, mostEndMs)) say('billed-too-long', `${late(mostEndMs)} beyond its lease`);
  const off = machine.endings.find(({ why }) => why !== 'request');
  if (off && goneMs > limitOf(life, off.atMs + offGraceMs)) say('billed-while-off', `${late(off.atMs)} off`);
}

/** The first moment at which one of the reapers must have seen to a machine that was due at `dueMs`. */
function limitOf(life: Life, dueMs: number): number {
  const { plan } = life;
  // Where answers get lost, a run may fail for that.
  const runs = plan.weather.lossShare > 0 ? 2 : 1;
  const reapers: [Host | null, number | null | undefined][] = [
    [life.laptop, plan.laptop.reapEveryMs],
    [life.second, plan.second?.reapEveryMs],
    [life.elsewhere, plan.elsewhere?.reapEveryMs],
  ];
  const limits = reapers.map(([host, everyMs]) =>
    host && everyMs
      ? firstQuiet(shutOut(life, host), dueMs, runs * everyMs + slackMs)
      : Number.POSITIVE_INFINITY,
  );
  return Math.min(...limits);
}

function judgeEnding(life: Life, machine: MachineRecord, order: Order, ending: Ending, say: Say): void {
  const { atMs, by, why, wasInUse, idleMs } = ending;
  const isAsked = why === 'user' || !(why === 'agent' || by.startsWith('reap'));
  if (isAsked || atMs >= order.leastEndMs - tolerableMs) return;
  const early = `${Math.round((order.leastEndMs - atMs) / minuteMs)} minutes before the end of its lease`;
  // A machine that is off has come to its end before; what the reaper does then is judged by that.
  const wasOff = machine.endings.some((one) => one !== ending && one.why !== 'request' && one.atMs <= atMs);
  if (by.startsWith('reap') && (wasOff || life.askedEnds.has(machine.name))) return;
  const { idleTimeoutMs } = life.plan;
  const isIdle = idleTimeoutMs !== null && !wasInUse && idleMs >= idleTimeoutMs - 2_000;
  if (why === 'agent' && isIdle) return;
  const isUsed = wasInUse || (idleTimeoutMs !== null && idleMs < idleTimeoutMs);
  const isMishap = ending.hadWrongClock && why === 'agent';
  const kind = isMishap ? 'ended-by-wrong-clock' : isUsed ? 'ended-in-use' : 'ended-early';
  say(kind, `${machine.id}: by ${by}, ${early}`);
}

/** What is there, and neither in a state nor to be seen by a reaper. */
async function findUntracked(life: Life): Promise<string[]> {
  const { alive } = life.ledger;
  if (alive.length === 0) return [];
  const known = new Set(
    [life.laptop, life.second]
      .filter((host) => host !== null && host.lostAtMs > life.time.now())
      .flatMap((host) => host?.state?.listInstances() ?? [])
      .map(({ key }) => `spuff-${key}`),
  );
  const listed = await life.listKeys();
  return alive.filter(({ name }) => !known.has(name) && !listed.has(name)).map(({ id }) => id);
}

/** What a reaper has destroyed and was to keep, without a snapshot of after its last use, or of after its lease. */
async function findLostDisks(life: Life, owned: readonly MachineRecord[]): Promise<string[]> {
  const reaped = owned.filter(
    ({ name, goneAtMs, endings }) =>
      goneAtMs !== null && endings.at(-1)?.by.startsWith('reap') && !life.askedEnds.has(name),
  );
  if (life.plan.onIdle !== 'snapshot' || reaped.length === 0) return [];
  const snapshots = await life.listSnapshots();
  const isKept = (machine: MachineRecord) => {
    const usedMs = life.vms.get(machine.id)?.usedAtMs ?? 0;
    const endMs = life.ledger.orderOf(machine)?.mostEndMs ?? 0;
    // Clouds tell whole seconds.
    const sinceMs = Math.min(usedMs, endMs) - 1_000;
    return snapshots.some(
      ({ key, createdAt }) => machine.name === `spuff-${key}` && createdAt.getTime() >= sinceMs,
    );
  };
  return reaped.filter((machine) => !isKept(machine)).map(({ id }) => id);
}

function measure(
  life: Life,
  owned: MachineRecord[],
): Pick<LifeResult, 'overrunsMs' | 'neverGone' | 'wasted'> {
  const overrunsMs: number[] = [];
  let [neverGone, wasted] = [0, 0];
  for (const machine of owned) {
    const order = life.ledger.orderOf(machine);
    if (order === null) continue;
    const goneMs = machine.goneAtMs ?? life.time.now();
    if (machine.goneAtMs === null) neverGone += 1;
    if (goneMs > order.mostEndMs) overrunsMs.push(goneMs - order.mostEndMs);
    const offMs = machine.endings[0]?.atMs ?? goneMs;
    const dueMs = Math.max(machine.madeAtMs, Math.min(offMs, order.mostEndMs));
    if (order.tariff === null || goneMs <= dueMs) continue;
    const cost = (untilMs: number) =>
      Number(order.tariff && costOf(order.tariff, untilMs - machine.madeAtMs).amount);
    wasted += cost(goneMs) - cost(dueMs);
  }
  return { overrunsMs, neverGone, wasted };
}
