import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Provider, Vm, VmSpec } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { poll } from '../../lib/retry.ts';
import { everywhere } from './cidr.ts';
import type { AwsCall } from './client.ts';
import { bareId } from './endpoints.ts';
import { failure } from './errors.ts';
import { ensureGroup, lagPolicy, lagSeconds, untilShown } from './groups.ts';
import { findBootImage } from './images.ts';
import { tagsFor } from './labels.ts';
import { destroyMachine } from './machine-end.ts';
import { findIn, findMachine, lookUpMachine, machinesIn } from './machine-lookup.ts';
import { checkSpec, runParams } from './machine-request.ts';
import { toVm } from './machine-state.ts';
import { waitForState } from './machine-wait.ts';
import type { QueryParams } from './query-body.ts';
import { explainQuota } from './quota.ts';
import { itemsOf } from './read-xml.ts';
import { type Aws, callIn } from './regions.ts';
import { findSize } from './sizes.ts';

type Machines = Pick<Provider, 'create' | 'find' | 'get' | 'list' | 'waitFor' | 'destroy' | 'harden'>;

export function createMachines(aws: Aws): Machines {
  return {
    async create(spec, options) {
      checkSpec(spec, 'create');
      return createMachine(aws, spec, callIn(spec.region, 'create', options));
    },
    find: (key, options) => findMachine(aws, key, 'find', options),
    async get(id, options) {
      const found = await lookUpMachine(aws, id, 'get', options);
      return found === null || found.vm.state === 'gone' ? null : found.vm;
    },
    async *list(options) {
      for (const region of aws.regions.all()) yield* machinesIn(aws, callIn(region, 'list', options));
    },
    waitFor: (id, want, options) => waitForState(aws, id, want, 'waitFor', options),
    destroy: (id, options) => destroyMachine(aws, id, options.expectKey, 'destroy', options),
    harden: (id, options) => switchMetadataOff(aws, id, options),
  };
}

/** Each step finds what a call that died before it has made, and goes on from there. */
async function createMachine(aws: Aws, spec: VmSpec, call: AwsCall): Promise<Vm> {
  const { client, regions } = aws;
  regions.add(spec.region);
  const existing = await findMachine(aws, spec.key, call.op, call.options);
  if (existing) return existing;
  const size = await findSize(client, call, spec.size);
  const image = await findBootImage(client, call, spec.image, size.arch);
  // The filter is in place before there is a machine that it could be missing from.
  const groupId = await ensureGroup(client, call, spec, {
    tags: tagsFor('firewall', spec),
    allowed: spec.firewall?.allowSshFrom ?? everywhere,
  });
  return order(aws, spec, call, runParams(spec, image, groupId));
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
      if (error.providerCode === 'quota') throw await explainQuota(aws, call, error);
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

async function lookUp({ client, regions }: Aws, key: InstanceKey, call: AwsCall): Promise<Vm | null> {
  const { signal, deadline } = call.options;
  // The last look must come after the lag, so there is room for one more delay.
  const untilMs = client.runtime.now() + lagSeconds * 1_000 + lagPolicy.maxDelayMs;
  const found = await poll(async () => (await findIn({ client, regions }, key, call)) ?? undefined, {
    ...{ policy: lagPolicy, runtime: client.runtime, signal },
    deadlineMs: Math.min(untilMs, deadline.getTime()),
  });
  return found ?? null;
}

/** After the boot nothing on the machine needs the metadata service. @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html */
async function switchMetadataOff(aws: Aws, id: string, options: CallOptions): Promise<void> {
  const op = 'harden';
  const found = await lookUpMachine(aws, id, op, options);
  if (found === null) throw failure('not-found', op, 'there is no such machine');
  if (found.vm.key === null) throw failure('protected', op, 'the machine is not one of spuff');
  await aws.client.ec2(callIn(found.vm.region, op, options), 'ModifyInstanceMetadataOptions', {
    InstanceId: bareId(found.vm.id),
    HttpEndpoint: 'disabled',
  });
}
