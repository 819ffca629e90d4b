import type { Vm } from '../domain/provider.ts';
import { type ClockWatch, describeWrongClock, wrongByMs } from './provider-clock.ts';
import { change, type UpRun } from './up-run.ts';

/**
 * Puts the times of a new instance right where this computer's clock is wrong and the provider's was not known before the
 * order: its deadline is a moment by the provider's clock, which reapers and the machine itself go by. Safe to repeat: times
 * that fit the machine's own are right already.
 */
export async function correctDeadline(run: UpRun, vm: Vm, clock: ClockWatch): Promise<void> {
  const aheadMs = wrongByMs(clock.aheadMs());
  if (aheadMs === 0) return;
  const { createdAt, expiresAt, key } = run.instance;
  const fits = Math.abs(vm.createdAt.getTime() - createdAt.getTime()) <= Math.abs(aheadMs) / 2;
  if (!fits && !run.inputs.isProviderTime) {
    const moved = (time: Date) => new Date(time.getTime() + aheadMs);
    run.context.progress.warn(describeWrongClock(aheadMs, run.provider.id));
    change(run, { createdAt: moved(createdAt), expiresAt: expiresAt && moved(expiresAt) });
  }
  const wanted = run.instance.expiresAt;
  if (seconds(vm.expiresAt) === seconds(wanted)) return;
  await run.provider.setExpiry(vm.id, wanted, { ...clock.options(2 * 60_000), expectKey: key });
}

function seconds(time: Date | null): number | null {
  return time && Math.floor(time.getTime() / 1_000);
}
