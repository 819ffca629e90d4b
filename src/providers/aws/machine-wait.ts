import type { CallOptions, Vm } from '../../domain/provider.ts';
import { poll, type RetryPolicy } from '../../lib/retry.ts';
import { readPlacedId } from './endpoints.ts';
import { failure } from './errors.ts';
import { lagSeconds } from './groups.ts';
import { endedBefore, type FoundMachine, lookUpMachine } from './machine-lookup.ts';
import type { Aws } from './regions.ts';

/** A machine takes 10 s or more to run, and up to a minute or two to go. */
const pollPolicy: RetryPolicy = { firstDelayMs: 2_000, factor: 1.3, maxDelayMs: 10_000, jitter: 0.2 };

export async function waitForState(
  aws: Aws,
  id: string,
  want: 'running' | 'stopped' | 'gone',
  op: string,
  options: CallOptions,
): Promise<Vm | null> {
  const { runtime } = aws.client;
  // One that was just made may not show for a while.
  const shownBy = runtime.now() + (readPlacedId(id, 'i') === null ? 0 : lagSeconds * 1_000);
  const reached = await poll(
    async () => {
      const found = await lookUpMachine(aws, id, op, options);
      if (found === null && want !== 'gone' && runtime.now() < shownBy) return undefined;
      return judge(found, want, op);
    },
    { policy: pollPolicy, runtime, signal: options.signal, deadlineMs: options.deadline.getTime() },
  );
  if (reached) return reached.vm;
  endedBefore(aws, op, options);
  throw failure('timeout', op, `the machine was not ${want} in time`, { retryable: true });
}

/** undefined: not yet. */
function judge(
  found: FoundMachine | null,
  want: 'running' | 'stopped' | 'gone',
  op: string,
): { vm: Vm | null } | undefined {
  if (found === null || found.vm.state === 'gone') {
    if (want === 'gone') return { vm: null };
    if (found === null) throw failure('not-found', op, `there is no such machine; it was to be ${want}`);
  }
  const { vm, reason } = found;
  if (vm.state === want) return { vm };
  const ended = vm.state === 'gone' || vm.state === 'deleting' || vm.state === 'failed';
  const stopped = want === 'running' && (vm.state === 'stopped' || vm.state === 'stopping');
  if (want === 'gone' || !(ended || stopped)) return undefined;
  const why = reason === null ? '' : `: ${reason}`;
  throw failure('action-failed', op, `the machine is ${vm.rawState} and was to be ${want}${why}`, {
    hints: ['AWS ends a machine that it can not start: try another size or region'],
  });
}
