import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions } from '../../domain/provider.ts';
import type { Api } from './api.ts';
import { failure } from './failure.ts';
import type { OrderBook } from './machine-create.ts';
import { getDroplet } from './machine-lookup.ts';
import { readOwnTags } from './machine-tags.ts';
import { expiryTag, expiryTagsOf } from './tags.ts';

const op = 'setExpiry';

/**
 * Tags can't be changed: the new one comes first, then the old ones go. Meanwhile the later one counts.
 * @see Provider.setExpiry
 */
export async function setExpiry(
  api: Api,
  book: OrderBook,
  id: string,
  expiresAt: Date | null,
  call: CallOptions & { expectKey: InstanceKey },
): Promise<void> {
  const key = call.expectKey;
  const tags = await readOwnTags(api, book, id, call, { op, done: 'changed' });
  if (tags === null) throw failure('not-found', op, 'there is no such machine');
  const wanted = expiryTag({ key, expiresAt });
  for (const tag of wanted) if (!tags.includes(tag)) await putOn(api, id, tag, call);
  // Its own, with its key in it: nothing else carries it, so it can go as a whole.
  for (const tag of expiryTagsOf(tags, key))
    if (!wanted.includes(tag)) await api.remove({ op, path: `/v2/tags/${tag}` }, call);
  const shown = await api.wait(async () => {
    const droplet = await getDroplet(api, id, call, op);
    if (droplet === null) throw failure('not-found', op, 'the machine is gone');
    const now = expiryTagsOf(droplet.at('tags').texts(), key);
    return now.length === wanted.length && wanted.every((tag) => now.includes(tag)) ? true : undefined;
  }, call);
  if (!shown) {
    throw failure('timeout', op, `DigitalOcean does not show the new tags of the machine ${id} yet`, {
      retryable: true,
      hints: ['try again'],
    });
  }
}

/** @see https://docs.digitalocean.com/reference/api/reference/tags/#tags_assign_resources */
async function putOn(api: Api, id: string, tag: string, call: CallOptions): Promise<void> {
  await api.put({ op, path: '/v2/tags' }, { name: tag }, call, 'POST');
  const resources = [{ resource_id: id, resource_type: 'droplet' }];
  await api.put({ op, path: `/v2/tags/${tag}/resources` }, { resources }, call, 'POST');
}
