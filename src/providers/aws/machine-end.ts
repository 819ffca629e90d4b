import { type InstanceKey, keyTimeMs } from '../../domain/ids.ts';
import type { CallOptions, Vm } from '../../domain/provider.ts';
import type { ProviderError } from '../../domain/provider-error.ts';
import { poll } from '../../lib/retry.ts';
import type { AwsCall } from './client.ts';
import { bareId, readPlacedId } from './endpoints.ts';
import { failure, rawCodeOf } from './errors.ts';
import { lagPolicy, lagSeconds } from './groups.ts';
import { endedBefore, type FoundMachine, lookUpMachine } from './machine-lookup.ts';
import { waitForState } from './machine-wait.ts';
import { type Aws, callIn, regionsOf } from './regions.ts';
import { findLeftovers, removeRemains } from './remains.ts';

/** Longer than AWS takes to show a machine to everybody. */
const settledMs = 600_000;

/**
 * A machine that AWS does not know of by its id may be one that does not show yet. A key tells when it was made: only a
 * young one is asked for again.
 */
async function lookUpSettled(
  aws: Aws,
  id: string,
  key: InstanceKey,
  op: string,
  options: CallOptions,
): Promise<FoundMachine | null> {
  const { runtime } = aws.client;
  const first = await lookUpMachine(aws, id, op, options);
  if (first !== null || readPlacedId(id, 'i') === null || runtime.now() - keyTimeMs(key) > settledMs)
    return first;
  const found = await poll(async () => (await lookUpMachine(aws, id, op, options)) ?? undefined, {
    ...{ policy: lagPolicy, runtime, signal: options.signal },
    deadlineMs: Math.min(
      runtime.now() + lagSeconds * 1_000 + lagPolicy.maxDelayMs,
      options.deadline.getTime(),
    ),
  });
  return found ?? endedBefore(aws, op, options);
}

export async function destroyMachine(
  aws: Aws,
  id: string,
  expectKey: InstanceKey,
  op: string,
  options: CallOptions,
): Promise<void> {
  const placed = readPlacedId(id, 'i');
  if (placed === null) return void endedBefore(aws, op, options);
  const found = await lookUpSettled(aws, id, expectKey, op, options);
  if (found !== null && found.vm.state !== 'gone') await terminate(aws, found.vm, expectKey, op, options);
  for (const region of regionsOf(aws, placed))
    await removeFirewall(aws, expectKey, callIn(region, op, options));
}

/** It goes with the machine, also with one that has ended by itself. */
async function removeFirewall(aws: Aws, key: InstanceKey, call: AwsCall): Promise<void> {
  for (const thing of await findLeftovers(aws, key, call))
    if (thing.kind === 'firewall') await removeRemains(aws, thing, call);
}

async function terminate(
  aws: Aws,
  vm: Vm,
  expectKey: InstanceKey,
  op: string,
  options: CallOptions,
): Promise<void> {
  if (vm.key !== expectKey)
    throw failure('protected', op, 'the machine does not carry the key that it was to be destroyed by');
  try {
    await aws.client.ec2(callIn(vm.region, op, options), 'TerminateInstances', {
      InstanceId: [bareId(vm.id)],
    });
  } catch (error) {
    if (rawCodeOf(error) === 'OperationNotPermitted') throw locked(vm, op, error);
    if (rawCodeOf(error) !== 'InvalidInstanceID.NotFound') throw error;
  }
  await waitForState(aws, vm.id, 'gone', op, options);
}

function locked(vm: Vm, op: string, cause: unknown): ProviderError {
  return failure('protected', op, `${vm.id} is protected from being terminated`, {
    hints: [
      `take the protection away: aws ec2 modify-instance-attribute --no-disable-api-termination --instance-id ${bareId(vm.id)} --region ${vm.region}`,
    ],
    cause,
  });
}
