/**
 * What is to become of a machine, by what the provider says of it and nothing else. Pure. Whatever is not proven is kept:
 * a machine that lives too long costs money, one that is destroyed too early costs work.
 */
import type { Vm, WhyOff } from './provider.ts';

/** The time that a machine is judged by. */
export interface JudgeClock {
  /** By the provider's clock, where that is known. */
  nowMs: number;
  /** How far `nowMs` may be ahead of the truth. */
  slackMs: number;
}

export type KeepReason =
  | 'not-spuffs'
  | 'being-made'
  | 'ending'
  | 'unclear'
  | 'leased'
  | 'no-deadline'
  | 'just-off'
  | 'off-by-owner'
  | 'off-for-unknown-reason';

export type DestroyReason = 'past-deadline' | 'off-by-itself';

export type Verdict =
  | { act: 'keep'; why: KeepReason; until: Date | null }
  | { act: 'destroy'; why: DestroyReason; snapshotFirst: boolean }
  /** Only the provider can tell who switched it off; judge again with the answer. */
  | { act: 'ask-why-off' };

/** A machine that is starting again looks switched off for some moments. */
export const offGraceMs = 2 * 60_000;

/** Whoever makes a machine puts a deadline right that a wrong clock had set before its beginning; it takes so long at most. */
export const settlingMs = 10 * 60_000;

/** No boot takes longer: what is still being made after that is stuck. */
const longestBootMs = 3_600_000;

/** @param whyOff of a machine that is off, once it has been asked for; null: not yet */
export function judgeMachine(vm: Vm, clock: JudgeClock, whyOff: WhyOff | null): Verdict {
  if (vm.key === null) return keep('not-spuffs');
  const isOver = vm.expiresAt !== null && clock.nowMs - clock.slackMs >= vm.expiresAt.getTime();
  switch (vm.state) {
    case 'gone':
    case 'deleting':
      return keep('ending');
    // What the provider does with it is not known, so nothing is done to it either.
    case 'unknown':
      return keep('unclear', vm.expiresAt);
    case 'provisioning':
      return isOver && ageOf(vm, clock) > longestBootMs ? end(vm, 'past-deadline') : keep('being-made');
    case 'stopping':
    case 'failed':
      return isOver ? endOfLease(vm, clock) : keep('unclear', vm.expiresAt);
    case 'running':
      if (isOver) return endOfLease(vm, clock);
      return vm.expiresAt === null ? keep('no-deadline') : keep('leased', vm.expiresAt);
    case 'stopped':
      return isOver ? endOfLease(vm, clock) : judgeStopped(vm, clock, whyOff);
  }
}

function judgeStopped(vm: Vm, { nowMs }: JudgeClock, whyOff: WhyOff | null): Verdict {
  if (whyOff === null) return { act: 'ask-why-off' };
  if (whyOff === 'owner') return keep('off-by-owner', vm.expiresAt);
  if (whyOff === 'unknown') return keep('off-for-unknown-reason', vm.expiresAt);
  const graceEndsMs = (vm.stoppedAt?.getTime() ?? Number.NEGATIVE_INFINITY) + offGraceMs;
  return nowMs < graceEndsMs ? keep('just-off', new Date(graceEndsMs)) : end(vm, 'off-by-itself');
}

/** A deadline from before the machine was made is no decision but a clock that was wrong: it may still be put right. */
function endOfLease(vm: Vm, clock: JudgeClock): Verdict {
  const isNonsense = vm.expiresAt !== null && vm.expiresAt.getTime() <= vm.createdAt.getTime();
  if (isNonsense && ageOf(vm, clock) < settlingMs)
    return keep('being-made', new Date(vm.createdAt.getTime() + settlingMs));
  return end(vm, 'past-deadline');
}

function ageOf({ createdAt }: Vm, { nowMs }: JudgeClock): number {
  return nowMs - createdAt.getTime();
}

function keep(why: KeepReason, until: Date | null = null): Verdict {
  return { act: 'keep', why, until };
}

function end({ onIdle }: Vm, why: DestroyReason): Verdict {
  return { act: 'destroy', why, snapshotFirst: onIdle === 'snapshot' };
}
