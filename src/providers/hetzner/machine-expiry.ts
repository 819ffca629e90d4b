import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions } from '../../domain/provider.ts';
import type { HetznerClient } from './client.ts';
import { failure } from './errors.ts';
import { type Fields, optionalObject } from './fields.ts';
import { expiryLabel, label, labelKey, labelsOf } from './labels.ts';
import { idPattern } from './server-request.ts';

const op = 'setExpiry';

/**
 * The API replaces all labels in one step, so those of others are sent back as they are.
 * @see Provider.setExpiry
 * @see https://docs.hetzner.cloud/reference/cloud#tag/servers/update_server
 */
export async function setExpiry(
  client: HetznerClient,
  id: string,
  expiresAt: Date | null,
  expectKey: InstanceKey,
  call: CallOptions,
): Promise<void> {
  const wanted = expiryLabel(expiresAt);
  const { [label.expires]: _before, ...others } = await readLabels(client, id, expectKey, call);
  const body = { labels: { ...others, ...wanted } };
  await client.change({ op, method: 'PUT', path: `/servers/${id}`, body, repeatable: true }, call);
  const shown = await client.until(op, call, async () => {
    const labels = await readLabels(client, id, expectKey, call);
    return labels[label.expires] === wanted[label.expires] ? true : undefined;
  });
  if (shown) return;
  throw failure('timeout', op, 'Hetzner Cloud does not show the new labels of the machine yet', {
    ...{ retryable: true, hints: ['try again'] },
  });
}

/** @throws ProviderError `not-found`, `protected` unless the machine carries the key */
async function readLabels(
  client: HetznerClient,
  id: string,
  expectKey: InstanceKey,
  call: CallOptions,
): Promise<Fields> {
  const answer = idPattern.test(id) ? await client.read(op, `/servers/${id}`, call) : null;
  if (answer === null) throw failure('not-found', op, 'there is no such machine');
  const labels = labelsOf(optionalObject(answer['server']));
  if (labelKey(labels) === expectKey) return labels;
  throw failure('protected', op, 'the machine does not carry the key that it was to be changed by');
}
