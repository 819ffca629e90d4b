import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions } from '../../domain/provider.ts';
import type { Api } from './api.ts';
import { failure } from './failure.ts';
import type { OrderBook } from './machine-create.ts';
import { getDroplet, isFresh } from './machine-lookup.ts';
import { toVm } from './mapping.ts';

/**
 * The tags of the machine, once it is proven to be the one of the key; null: it is gone.
 * @param doing what the machine is to be proven for, as the error says it
 * @throws ProviderError `protected` when it does not carry the key
 */
export async function readOwnTags(
  api: Api,
  book: OrderBook,
  id: string,
  call: CallOptions & { expectKey: InstanceKey },
  { op, done }: { op: string; done: string },
): Promise<readonly string[] | null> {
  // The answer to our own order gave it this number: its tags may be on their way.
  const isOrdered = book.ids.get(call.expectKey) === id;
  const seen = await api.wait(async () => {
    const droplet = await getDroplet(api, id, call, op);
    if (droplet === null) return { tags: null };
    const vm = toVm(droplet);
    if (vm.key === call.expectKey || (isOrdered && vm.key === null))
      return { tags: droplet.at('tags').texts() };
    const mayBecomeOurs =
      vm.key === null && vm.name === `spuff-${call.expectKey}` && isFresh(api.runtime, vm);
    return mayBecomeOurs ? undefined : { isOther: true };
  }, call);
  if (seen && 'tags' in seen) return seen.tags ?? null;
  throw failure('protected', op, `the machine ${id} does not carry the key that it was to be ${done} by`);
}
