/** Lets the events of a plan happen, each at its time. */

import type { ModelName } from './cloud-model.ts';
import { runDown, runExtend, runUp } from './commands.ts';
import { type Host, isUsable, type SimProcess } from './host.ts';
import { judgeLife, type LifeResult } from './judge-life.ts';
import { type Broken, Life } from './life.ts';
import { drawLife, hourMs, type LifePlan, minuteMs } from './life-plan.ts';
import { createRandom } from './random.ts';
import { ReapSchedule, runOnce } from './reap-schedule.ts';
import { covers, endOfSpan } from './spans.ts';

export interface LifeOptions {
  model: ModelName;
  seed: string;
  number: number;
  /** Keeps what happened, as lines of text. */
  isTraced?: boolean;
  /** Changes the plan before it begins. */
  change?: (plan: LifePlan) => LifePlan;
  /** Breaks a rule, to see that the judge sees it. */
  broken?: Broken;
}

const name = 'demo';
const mostTries = 3;

export async function runLife(options: LifeOptions): Promise<{ result: LifeResult; trace: string[] }> {
  const { model, seed, number, isTraced = false, change = (plan) => plan, broken = {} } = options;
  const random = createRandom(`${seed}/${model}/${number}`);
  const life = new Life(change(drawLife(model, random)), random, { isTraced, broken });
  if (life.plan.hasForeign) await life.model.plantForeign();
  life.look('somebody else', 'console');
  planReapers(life);
  planCommands(life);
  planMachine(life);
  await runToEnd(life);
  return { result: await judgeLife(life), trace: life.trace };
}

function planReapers(life: Life): void {
  const { plan } = life;
  const schedules: ReapSchedule[] = [];
  const add = (host: Host | null, everyMs: number | null | undefined, scope: 'own' | 'account') => {
    if (host && everyMs) schedules.push(new ReapSchedule(life, host, everyMs, scope));
  };
  add(life.laptop, plan.laptop.reapEveryMs, 'own');
  add(life.second, plan.second?.reapEveryMs, 'own');
  add(life.elsewhere, plan.elsewhere?.reapEveryMs, 'account');
  life.onChange = () => {
    for (const schedule of schedules) schedule.noteChange();
  };
}

/** Runs one command, once its computer is awake. What goes wrong is told to the user, who is not here. */
function runCommand(
  life: Life,
  kind: string,
  dieAt: number | null,
  work: (process: SimProcess) => Promise<unknown>,
  after: (outcome: 'done' | 'failed' | 'killed') => void = () => undefined,
): void {
  const { laptop, time } = life;
  const wakesMs = endOfSpan(laptop.asleep, time.now());
  if (wakesMs !== null) time.at(wakesMs, () => runCommand(life, kind, dieAt, work, after));
  if (!isUsable(laptop, time.now())) return;
  const process = life.process(laptop, kind, dieAt);
  let isOver = false;
  life.tell(`${kind} begins${dieAt === null ? '' : `, to die at moment ${dieAt}`}`);
  const end = (outcome: 'done' | 'failed' | 'killed', error?: unknown) => {
    if (isOver) return;
    isOver = true;
    process.end();
    life.tell(`${kind} ${outcome}${error instanceof Error ? ` (${error.message})` : ''}`);
    life.onChange();
    after(outcome);
    void runOnce(life, laptop, 'own');
  };
  process.onDeath = () => end('killed');
  work(process).then(
    () => end('done'),
    (error: unknown) => {
      if (!isExpected(error)) life.bugs.push(error);
      end('failed', error);
    },
  );
}

function isExpected(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code !== 'internal';
}

function planCommands(life: Life): void {
  const { plan, time, commands } = life;
  const tryUp = (tries: number, dieAt: number | null): void =>
    runCommand(
      ...([life, 'up', dieAt, (process: SimProcess) => runUp(commands, process, name)] as const),
      (outcome) => {
        const { againAfterMs } = plan.up;
        if (outcome !== 'done' && againAfterMs !== null && tries < mostTries)
          time.at(time.now() + againAfterMs, () => tryUp(tries + 1, null));
      },
    );
  time.at(life.at(0), () => tryUp(1, plan.up.dieAt));
  const tryDown = (dieAt: number | null): void =>
    runCommand(
      ...([life, 'down', dieAt, (process: SimProcess) => runDown(commands, process, name)] as const),
      (outcome) => {
        const againAfterMs = plan.down?.againAfterMs ?? null;
        if (outcome !== 'done' && againAfterMs !== null)
          time.at(time.now() + againAfterMs, () => tryDown(null));
      },
    );
  const { down } = plan;
  if (down) time.at(life.at(down.atMs), () => tryDown(down.dieAt));
  for (const { atMs, byMs, dieAt } of plan.extends) {
    const extend = (process: SimProcess) => runExtend(commands, process, name, byMs);
    time.at(life.at(atMs), () => runCommand(life, 'extend', dieAt, extend));
  }
  for (const atMs of plan.commands)
    time.at(life.at(atMs), () => void runOnce(life, life.laptop, 'own', life.random.chance(0.1) ? 5 : null));
}

/** What happens on the machine, and to it behind spuff's back. */
function planMachine(life: Life): void {
  const { plan, time, laptop } = life;
  const canReach = () => isUsable(laptop, time.now()) && !covers(laptop.cutOff, time.now());
  for (const atMs of plan.uses) time.at(life.at(atMs), () => canReach() && life.vm?.use());
  for (const { atMs, forMs } of plan.keeps) time.at(life.at(atMs), () => canReach() && life.vm?.keep(forMs));
  for (const { fromMs, toMs } of plan.work) {
    time.at(life.at(fromMs), () => canReach() && life.vm?.setWork(true));
    time.at(life.at(toMs), () => life.vm?.setWork(false));
  }
  for (const { fromMs, toMs, how } of plan.agentAway) {
    time.at(life.at(fromMs), () => (how === 'hung' ? life.vm?.hangAgent(true) : life.vm?.killAgent()));
    time.at(life.at(toMs), () => (how === 'hung' ? life.vm?.hangAgent(false) : life.vm?.startAgent()));
  }
  const { guestOffAtMs, deletedAtMs, ownerOff } = plan;
  if (guestOffAtMs !== null) time.at(life.at(guestOffAtMs), () => life.vm && life.switchOff(life.vm, 'user'));
  const use = (work: (id: string) => Promise<void>) => {
    const { vm } = life;
    if (vm) void work(vm.id).catch(() => life.tell('the console refuses'));
  };
  if (deletedAtMs !== null) time.at(life.at(deletedAtMs), () => use((id) => life.removeThroughConsole(id)));
  if (ownerOff === null) return;
  time.at(life.at(ownerOff.fromMs), () => use((id) => life.switchThroughConsole(id, 'off')));
  time.at(life.at(ownerOff.toMs), () => use((id) => life.switchThroughConsole(id, 'on')));
}

const stepMs = 6 * hourMs;

/** Until nothing is there any more and nothing more is planned, or for ever, as far as that matters. */
async function runToEnd(life: Life): Promise<void> {
  const { time, plan } = life;
  const lastPlannedMs = life.at(Math.max(plan.ttlMs, plan.down?.atMs ?? 0) + 30 * minuteMs);
  await time.run(lastPlannedMs);
  while (time.now() < life.endsMs && life.ledger.alive.length > 0) await time.run(time.now() + stepMs);
  await time.run(time.now() + 2 * hourMs);
}
