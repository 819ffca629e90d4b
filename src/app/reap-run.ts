/** What the parts of the reaper share. */
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { DestroyReason, KeepReason } from '../domain/judge-machine.ts';
import type { Leftover, Provider, ProviderId, Vm } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import type { Receipt } from '../domain/receipt.ts';
import type { Operation, StateStore } from '../domain/state.ts';
import type { AppContext } from './context.ts';
import type { ClockWatch } from './provider-clock.ts';

export interface ReapRequest {
  /** null: those in use. */
  providers: readonly ProviderId[] | null;
  /** Of this owner only; null: of everybody, as they stand in the account. */
  owner: string | null;
  /** Judges, and changes nothing. */
  dryRun: boolean;
}

export interface ReapedMachine {
  provider: ProviderId;
  id: string;
  key: InstanceKey | null;
  /** What its user called it; null where that is not known. */
  name: string | null;
  state: Vm['state'];
  outcome: 'kept' | 'to-be-destroyed' | 'destroyed' | 'gone' | 'failed';
  why: KeepReason | DestroyReason | 'at-work' | 'interrupted-down' | 'gone';
  /** How long it is kept, where that is known. */
  until: Date | null;
  snapshot: string | null;
  /** null also where another reaper has written it. */
  receipt: Receipt | null;
  error: unknown;
}

export interface ReapReport {
  machines: ReapedMachine[];
  /** What dead machines had left behind, and is gone now. */
  leftovers: (Leftover & { provider: ProviderId })[];
  /** Providers that could not be asked. */
  failures: { provider: ProviderId; error: unknown }[];
}

/** What the parts of one run at one provider share. */
export interface ReapRun {
  context: AppContext;
  provider: Provider;
  clock: ClockWatch;
  /** null: there is none that can be used. */
  state: StateStore | null;
  request: ReapRequest;
}

/** One machine on its way through a run. */
export interface JudgedMachine extends ReapedMachine {
  vm: Vm;
  snapshotFirst: boolean;
}

export function tellOf(run: ReapRun, vm: Vm, change: Partial<JudgedMachine>): JudgedMachine {
  const { id, key, instanceName: name, state } = vm;
  return {
    ...{ provider: run.provider.id, id, key, name, state, vm, outcome: 'kept', why: 'unclear', until: null },
    ...{ snapshot: null, snapshotFirst: false, receipt: null, error: null },
    ...change,
  };
}

/** What nobody foresaw is no failure of a provider, and neither is Ctrl-C. */
export function throwIfBug({ signal }: Pick<AppContext, 'signal'>, error: unknown): void {
  if (!(error instanceof SpuffError) || signal.aborted) throw error;
}

/** null where another process has begun to work on it since the last look. */
export function beginDown(state: StateStore, key: InstanceKey): Operation | null {
  try {
    return state.beginOperation('down', key);
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'conflict') return null;
    throw error;
  }
}

const maxTries = 3;
const firstDelayMs = 2_000;

/** @param mayHelp whether what a provider said may be different the next time */
export async function tryAgain<T>(
  { context }: ReapRun,
  work: () => Promise<T>,
  mayHelp: (error: ProviderError) => boolean = ({ info }) => info.retryable,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const isLast = tries >= maxTries || context.signal.aborted;
      if (isLast || !(error instanceof ProviderError) || !mayHelp(error)) throw error;
      await context.runtime.sleep(firstDelayMs * tries, context.signal);
    }
  }
}
