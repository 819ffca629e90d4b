import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Vm } from '../../domain/provider.ts';
import { poll } from '../../lib/retry.ts';
import { bareId } from './endpoints.ts';
import { failure } from './errors.ts';
import { lagPolicy } from './groups.ts';
import { expiryText, tag } from './labels.ts';
import { lookUpMachine } from './machine-lookup.ts';
import { type Aws, callIn } from './regions.ts';

const op = 'setExpiry';

/**
 * One request replaces the tag, or takes it away; the lists of AWS show it a little later.
 * @see Provider.setExpiry
 */
export async function setExpiry(
  aws: Aws,
  id: string,
  expiresAt: Date | null,
  options: CallOptions & { expectKey: InstanceKey },
): Promise<void> {
  const { client } = aws;
  const vm = await requireOwn(aws, id, options);
  const call = callIn(vm.region, op, options);
  const ResourceId = [bareId(vm.id)];
  if (expiresAt === null) await client.ec2(call, 'DeleteTags', { ResourceId, Tag: [{ Key: tag.expires }] });
  else {
    const Tag = [{ Key: tag.expires, Value: expiryText(expiresAt) }];
    await client.ec2(call, 'CreateTags', { ResourceId, Tag });
  }
  const wanted = expiresAt && expiryText(expiresAt);
  const look = async () => {
    const now = (await requireOwn(aws, vm.id, options)).expiresAt;
    return (now && expiryText(now)) === wanted ? true : undefined;
  };
  const { runtime } = client;
  const { signal, deadline } = options;
  if (await poll(look, { policy: lagPolicy, runtime, signal, deadlineMs: deadline.getTime() })) return;
  throw failure('timeout', op, 'AWS does not show the new tags of the machine yet', {
    ...{ retryable: true, hints: ['try again'] },
  });
}

/** @throws ProviderError `not-found`, `protected` unless the machine carries the key */
async function requireOwn(
  aws: Aws,
  id: string,
  options: CallOptions & { expectKey: InstanceKey },
): Promise<Vm> {
  const found = await lookUpMachine(aws, id, op, options);
  if (found === null || found.vm.state === 'gone') throw failure('not-found', op, 'there is no such machine');
  if (found.vm.key === options.expectKey) return found.vm;
  throw failure('protected', op, 'the machine does not carry the key that it was to be changed by');
}
