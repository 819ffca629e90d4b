import { judgeMachine } from '../domain/judge-machine.ts';
import type { Vm } from '../domain/provider.ts';
import { type JudgedMachine, type ReapRun, tellOf } from './reap-run.ts';

/** By the provider, and by the journal, where there is one: what a living process is at work on is its own. */
export async function judge(run: ReapRun, vm: Vm): Promise<JudgedMachine> {
  const { state, clock, provider } = run;
  const instance = vm.key === null ? null : (state?.getInstance(vm.key) ?? null);
  if (instance && state?.findOperation(instance.key)?.ownerAlive) return tellOf(run, vm, { why: 'at-work' });
  if (instance?.phase === 'destroying' && vm.state !== 'gone')
    return tellOf(run, vm, { outcome: 'to-be-destroyed', why: 'interrupted-down' });
  let verdict = judgeMachine(vm, clock.read(), null);
  if (verdict.act === 'ask-why-off') {
    const whyOff = (await provider.whyOff?.(vm.id, clock.options(30_000))) ?? 'unknown';
    verdict = judgeMachine(vm, clock.read(), whyOff);
  }
  if (verdict.act === 'ask-why-off') throw new TypeError('a machine that was asked about is judged');
  if (verdict.act === 'keep') return tellOf(run, vm, { why: verdict.why, until: verdict.until });
  const { why, snapshotFirst } = verdict;
  return tellOf(run, vm, { outcome: 'to-be-destroyed', why, snapshotFirst });
}
