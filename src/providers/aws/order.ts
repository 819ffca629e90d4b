/** The order of a machine, where AWS gives it, and how it is told whether AWS has done it. */
import type { InstanceKey } from '../../domain/ids.ts';
import type { Vm, VmSpec } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { poll } from '../../lib/retry.ts';
import type { AwsCall } from './client.ts';
import { failure } from './errors.ts';
import { lagPolicy, lagSeconds, untilShown } from './groups.ts';
import { findIn } from './machine-lookup.ts';
import { toVm } from './machine-state.ts';
import type { QueryParams } from './query-body.ts';
import { explainQuota } from './quota.ts';
import { itemsOf } from './read-xml.ts';
import type { Aws } from './regions.ts';
import { lacksRoom, listZones } from './zones.ts';

/**
 * Asks for the machine where AWS likes best; where it has no room there, in each zone in turn. An order is known to be
 * refused before the next one goes out.
 */
export async function orderMachine(aws: Aws, spec: VmSpec, call: AwsCall, params: QueryParams): Promise<Vm> {
  try {
    return await order(aws, spec, call, params);
  } catch (error) {
    if (!lacksRoom(error)) throw error;
    return await orderInZones(aws, spec, call, params, error);
  }
}

async function orderInZones(
  aws: Aws,
  spec: VmSpec,
  call: AwsCall,
  params: QueryParams,
  refusal: ProviderError,
): Promise<Vm> {
  let last = refusal;
  const zones = await listZones(aws.client, call, spec.size);
  for (const zone of zones) {
    try {
      return await order(aws, spec, call, inZone(params, spec.key, zone));
    } catch (error) {
      if (!lacksRoom(error)) throw error;
      last = error;
    }
  }
  if (zones.length === 0) throw refusal;
  throw new ProviderError('capacity', `${last.message} (asked for in ${zones.join(', ')})`, {
    ...last.info,
    hints: last.hints,
    cause: last,
  });
}

/**
 * The order as one zone gets it. Tokens of orders with a zone count for that zone alone, so each has one of its own, which
 * is always the same.
 * @see https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html#run-instances-idempotency
 */
function inZone(params: QueryParams, key: InstanceKey, zone: string): QueryParams {
  return { ...params, ClientToken: `${key}-${zone}`, Placement: { AvailabilityZone: zone } };
}

const maxOrders = 3;

/**
 * Asks for the machine. Where it is not known whether AWS did it, the key is looked up for as long as a machine may not
 * show, and only then asked for again; the token sees to it that even so there is one.
 */
async function order(aws: Aws, spec: VmSpec, call: AwsCall, params: QueryParams): Promise<Vm> {
  for (let orders = 1; ; orders++) {
    try {
      return await runOnce(aws, spec, call, params);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      if (error.providerCode === 'quota') throw await explainQuota(aws, call, spec, error);
      if (!mayExist(error)) throw error;
      const made = await lookUp(aws, spec.key, call);
      if (made) return made;
      if (error.providerCode === 'idempotency-mismatch') throw error;
      if (orders < maxOrders) continue;
      throw failure('ambiguous', call.op, `whether AWS made ${spec.name} is not known: ${error.message}`, {
        hints: ['the same again goes on with it, or makes it'],
        cause: error,
      });
    }
  }
}

function mayExist({ providerCode, info }: ProviderError): boolean {
  if (providerCode === 'idempotency-mismatch' || providerCode === 'ambiguous') return true;
  return info.retryable && ['server', 'network', 'timeout', 'protocol'].includes(providerCode);
}

async function runOnce(aws: Aws, spec: VmSpec, call: AwsCall, params: QueryParams): Promise<Vm> {
  const answer = await untilShown(aws.client, call, () => aws.client.ec2Once(call, 'RunInstances', params));
  const [node] = itemsOf(answer, 'instancesSet');
  if (!node) throw failure('protocol', call.op, 'the answer of AWS lacks instancesSet', { retryable: true });
  const vm = toVm(node, spec.region, call.op);
  if (vm.key !== spec.key)
    throw failure('protected', call.op, `AWS gave ${vm.id} for the key, which does not carry it`);
  if (vm.state !== 'gone') return vm;
  throw failure('action-failed', call.op, `the machine of this key has ended: ${vm.id}`, {
    hints: ['order a new one under a new key'],
  });
}

/** The machine of a key, looked for until lists must show it; null: there is none. */
export async function lookUp({ client, regions }: Aws, key: InstanceKey, call: AwsCall): Promise<Vm | null> {
  const { signal, deadline } = call.options;
  // The last look must come after the lag, so there is room for one more delay.
  const untilMs = client.runtime.now() + lagSeconds * 1_000 + lagPolicy.maxDelayMs;
  const found = await poll(async () => (await findIn({ client, regions }, key, call)) ?? undefined, {
    ...{ policy: lagPolicy, runtime: client.runtime, signal },
    deadlineMs: Math.min(untilMs, deadline.getTime()),
  });
  return found ?? null;
}
