import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Vm } from '../../domain/provider.ts';
import type { AwsCall } from './client.ts';
import { readPlacedId } from './endpoints.ts';
import { failure, rawCodeOf } from './errors.ts';
import { tag } from './labels.ts';
import { instancesIn, stateReason, toVm } from './machine-state.ts';
import { filterBy, type QueryValue } from './query-body.ts';
import { itemsOf, type XmlNode } from './read-xml.ts';
import { type Aws, callIn, firstIn, regionsOf } from './regions.ts';

export interface FoundMachine {
  vm: Vm;
  node: XmlNode;
  /** Why it is in its state, in AWS's words. */
  reason: string | null;
}

/** Large enough for one page in almost every account, small enough that the answer is bounded. */
const pageSize = 200;

/** A machine in whatever state, also one that has ended; null where AWS knows none of this id. */
export async function lookUpMachine(
  aws: Aws,
  id: string,
  op: string,
  options: CallOptions,
): Promise<FoundMachine | null> {
  const placed = readPlacedId(id, 'i');
  // Nothing that can't be an id goes out, but a call that is over ends all the same.
  if (placed === null) return endedBefore(aws, op, options);
  return firstIn(regionsOf(aws, placed), async (region) => {
    try {
      const answer = await aws.client.ec2(callIn(region, op, options), 'DescribeInstances', {
        InstanceId: [placed.id],
      });
      const [node] = instancesIn(itemsOf(answer, 'reservationSet'));
      return node ? { vm: toVm(node, region, op), node, reason: stateReason(node) } : null;
    } catch (error) {
      if (/^InvalidInstanceID\./.test(rawCodeOf(error) ?? '')) return null;
      throw error;
    }
  });
}

export function endedBefore({ client }: Aws, op: string, { signal, deadline }: CallOptions): null {
  signal.throwIfAborted();
  if (client.runtime.now() < deadline.getTime()) return null;
  throw failure('timeout', op, `aws did not do ${op} in time`, { retryable: true, hints: ['try again'] });
}

/**
 * The machine of a key in one region; null where there is none, or only one that has ended. The console copies tags to a
 * machine that is made "like this one", so the oldest is it.
 */
export async function findIn(aws: Aws, key: InstanceKey, call: AwsCall): Promise<Vm | null> {
  let oldest: Vm | null = null;
  for await (const vm of machinesIn(aws, call, [filterBy(`tag:${tag.key}`, key)])) {
    if (vm.key === key && (oldest === null || vm.createdAt < oldest.createdAt)) oldest = vm;
  }
  return oldest;
}

export function findMachine(
  aws: Aws,
  key: InstanceKey,
  op: string,
  options: CallOptions,
): Promise<Vm | null> {
  return firstIn(aws.regions.all(), (region) => findIn(aws, key, callIn(region, op, options)));
}

/** Spuff's machines of one region that have not ended. */
export async function* machinesIn(
  { client }: Aws,
  call: AwsCall,
  filters: readonly QueryValue[] = [],
): AsyncGenerator<Vm> {
  const params = { MaxResults: pageSize, Filter: [filterBy('tag-key', tag.kind), ...filters] };
  for await (const page of client.ec2Pages(call, 'DescribeInstances', 'reservationSet', params)) {
    for (const node of instancesIn(page)) {
      const vm = toVm(node, call.region, call.op);
      if (vm.state !== 'gone') yield vm;
    }
  }
}
