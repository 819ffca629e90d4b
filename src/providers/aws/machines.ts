import type { CallOptions, Provider, Vm, VmSpec } from '../../domain/provider.ts';
import { everywhere } from './cidr.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { bareId } from './endpoints.ts';
import { failure } from './errors.ts';
import { ensureGroup } from './groups.ts';
import { type BootImage, findBootImage } from './images.ts';
import { tagsFor } from './labels.ts';
import { destroyMachine } from './machine-end.ts';
import { setExpiry } from './machine-expiry.ts';
import { findMachine, lookUpMachine, machinesIn } from './machine-lookup.ts';
import { checkSpec, runParams } from './machine-request.ts';
import { timeOfReason, whyStopped } from './machine-state.ts';
import { waitForState } from './machine-wait.ts';
import { lookUp, orderMachine } from './order.ts';
import { askQuota, requireRoom } from './quota.ts';
import { type Aws, callIn } from './regions.ts';
import { findSize, type SizeFacts } from './sizes.ts';

type Machines = Pick<
  Provider,
  'create' | 'find' | 'get' | 'list' | 'waitFor' | 'destroy' | 'setExpiry' | 'whyOff' | 'endOf' | 'harden'
>;

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
    setExpiry: (id, expiresAt, options) => setExpiry(aws, id, expiresAt, options),
    async whyOff(id, options) {
      const found = await lookUpMachine(aws, id, 'whyOff', options);
      return found?.vm.state === 'stopped' ? whyStopped(found.node) : 'unknown';
    },
    async endOf(id, options) {
      const found = await lookUpMachine(aws, id, 'endOf', options);
      return found?.vm.state === 'gone' ? timeOfReason(found.node) : null;
    },
    harden: (id, options) => switchMetadataOff(aws, id, options),
  };
}

/**
 * Each step finds what a call that died before it has made, and goes on from there. The filter comes before the order, so
 * where it was there already, a machine may be on its way that does not show yet, in whichever zone.
 */
async function createMachine(aws: Aws, spec: VmSpec, call: AwsCall): Promise<Vm> {
  const { client, regions } = aws;
  regions.add(spec.region);
  const existing = await findMachine(aws, spec.key, call.op, call.options);
  if (existing) return existing;
  const [{ size, image }, quota] = await Promise.all([
    findParts(client, call, spec),
    askQuota(client, call, spec),
  ]);
  requireRoom(quota, size, call);
  // The filter is in place before there is a machine that it could be missing from.
  const group = await ensureGroup(client, call, spec, {
    tags: tagsFor('firewall', spec),
    allowed: spec.firewall?.allowSshFrom ?? everywhere,
  });
  const ordered = group.isNew ? null : await lookUp(aws, spec.key, call);
  return ordered ?? orderMachine(aws, spec, call, runParams(spec, image, group.id));
}

async function findParts(
  client: AwsClient,
  call: AwsCall,
  spec: VmSpec,
): Promise<{ size: SizeFacts; image: BootImage }> {
  const size = await findSize(client, call, spec.size);
  return { size, image: await findBootImage(client, call, spec.image, size.arch) };
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
