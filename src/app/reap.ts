/**
 * Destroys the machines whose lease is over or that switched themselves off. It goes by what the provider says and needs no
 * state: where there is one, it keeps away from what others are at work on, and forgets what is gone.
 */
import type { Vm } from '../domain/provider.ts';
import type { StateStore } from '../domain/state.ts';
import type { AppContext } from './context.ts';
import { isOwnedBy } from './owner.ts';
import { watchClock } from './provider-clock.ts';
import { judge } from './reap-judge.ts';
import { destroyJudged } from './reap-machine.ts';
import { endGoneInstances, sweepLeftovers } from './reap-rest.ts';
import {
  type JudgedMachine,
  type ReapedMachine,
  type ReapReport,
  type ReapRequest,
  type ReapRun,
  tellOf,
  throwIfBug,
} from './reap-run.ts';
import { providersInUse } from './untracked-machines.ts';

/** Where a provider does not say since when a machine is off, it is looked at twice, so far apart. */
export const secondLookMs = 30_000;

const atOnce = 4;

/** Goes on past whatever fails with one machine or one provider, and tells it in the report. */
export async function reapOnce(context: AppContext, request: ReapRequest): Promise<ReapReport> {
  const state = await openStateOrNull(context);
  const { ids, problem } =
    request.providers === null
      ? await findProviders(context, state)
      : { ids: request.providers, problem: null };
  const report: ReapReport = { machines: [], leftovers: [], failures: [] };
  if (problem) report.failures.push({ provider: 'settings', error: problem });
  await Promise.all(
    ids.map(async (id) => {
      try {
        const provider = await context.provider(id);
        const run = { context, provider, clock: watchClock(context, provider), state, request };
        await reapProvider(run, report);
      } catch (error) {
        throwIfBug(context, error);
        report.failures.push({ provider: id, error });
      }
    }),
  );
  return report;
}

/** A state that is damaged or locked must not keep a machine alive. */
async function openStateOrNull(context: AppContext): Promise<StateStore | null> {
  try {
    const state = await context.state();
    state.listInstances();
    return state;
  } catch (error) {
    throwIfBug(context, error);
    const why = error instanceof Error ? error.message : String(error);
    context.progress.warn(`the local state can't be used, so receipts are not kept: ${why}`);
    return null;
  }
}

async function findProviders(
  context: AppContext,
  state: StateStore | null,
): Promise<Awaited<ReturnType<typeof providersInUse>>> {
  if (state) return providersInUse(context);
  return { ids: [(await context.settings()).provider], problem: null };
}

async function reapProvider(run: ReapRun, report: ReapReport): Promise<void> {
  const { provider, request, clock } = run;
  // Before the provider is asked: what another process orders meanwhile is in the state first.
  const known = (run.state?.listInstances() ?? []).filter((one) => one.provider === provider.id);
  const all: Vm[] = [];
  for await (const vm of provider.list(clock.options(60_000))) all.push(vm);
  const own = all.filter((vm) => request.owner === null || isOwnedBy(vm, request.owner));
  const judged = await Promise.all(own.map((vm) => guarded(run, vm, () => judge(run, vm))));
  const sure = await lookAgain(run, judged);
  await inTurns(sure, async (machine) => {
    const done = isDue(machine)
      ? await guarded(run, machine.vm, () => destroyJudged(run, machine), machine.why)
      : machine;
    const { vm: _vm, snapshotFirst: _first, ...told } = done;
    report.machines.push(told);
  });
  report.machines.push(...(await endGoneInstances(run, known, all)));
  report.leftovers.push(...(await sweepLeftovers(run, all)));
}

function isDue({ outcome }: ReapedMachine): boolean {
  return outcome === 'to-be-destroyed';
}

async function guarded(
  run: ReapRun,
  vm: Vm,
  work: () => Promise<JudgedMachine>,
  why: ReapedMachine['why'] = 'unclear',
): Promise<JudgedMachine> {
  try {
    return await work();
  } catch (error) {
    throwIfBug(run.context, error);
    return tellOf(run, vm, { outcome: 'failed', why, error });
  }
}

/** A machine that starts anew can look as if it had switched itself off, for less time than this. */
async function lookAgain(run: ReapRun, judged: readonly JudgedMachine[]): Promise<JudgedMachine[]> {
  const { context, provider, clock, request } = run;
  const isUnsure = (one: JudgedMachine) => one.why === 'off-by-itself' && one.vm.stoppedAt === null;
  if (request.dryRun || !judged.some(isUnsure)) return [...judged];
  await context.runtime.sleep(secondLookMs, context.signal);
  return Promise.all(
    judged.map((one) => {
      if (!isUnsure(one)) return one;
      return guarded(run, one.vm, async () => {
        const vm = await provider.get(one.vm.id, clock.options(30_000));
        return vm === null ? tellOf(run, one.vm, { outcome: 'gone', why: 'gone' }) : judge(run, vm);
      });
    }),
  );
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const takeNext = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, takeNext));
}
