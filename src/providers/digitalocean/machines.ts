import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Provider } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { Api } from './api.ts';
import { failure } from './failure.ts';
import { createMachine, type OrderBook } from './machine-create.ts';
import {
  dropletPathOf,
  getDroplet,
  getMachine,
  isFresh,
  listMachines,
  sightMachine,
} from './machine-lookup.ts';
import { waitForState } from './machine-wait.ts';
import { toVm } from './mapping.ts';
import { ownTags } from './tags.ts';

type Machines = Pick<Provider, 'create' | 'find' | 'get' | 'list' | 'waitFor' | 'destroy'>;

export function createMachines(api: Api, book: OrderBook): Machines {
  return {
    create: (spec, call) => createMachine(api, book, spec, call),
    async find(key, call) {
      return (await sightMachine(api, key, call, 'find')).machine;
    },
    get: (id, call) => getMachine(api, id, call, 'get'),
    async *list(call) {
      yield* (await listMachines(api, call, 'list')).map(({ vm }) => vm);
    },
    waitFor: (id, want, call) => waitForState(api, book.ids, id, want, call),
    destroy: (id, call) => destroyMachine(api, book, id, call),
  };
}

async function destroyMachine(
  api: Api,
  book: OrderBook,
  id: string,
  call: CallOptions & { expectKey: InstanceKey },
): Promise<void> {
  const op = 'destroy';
  const tags = await checkedTags(api, book, id, call);
  if (tags === null) return;
  await removeDroplet(api, id, call, op);
  book.ids.delete(call.expectKey);
  await forgetTags(api, ownTags(tags, call.expectKey), call, op);
}

/**
 * The tags of the machine; null: it is gone.
 * @throws ProviderError `protected` when it does not carry the key
 */
async function checkedTags(
  api: Api,
  book: OrderBook,
  id: string,
  call: CallOptions & { expectKey: InstanceKey },
): Promise<readonly string[] | null> {
  // The answer to our own order gave it this number: its tags may be on their way.
  const isOrdered = book.ids.get(call.expectKey) === id;
  const seen = await api.wait(async () => {
    const droplet = await getDroplet(api, id, call, 'destroy');
    if (droplet === null) return { tags: null };
    const vm = toVm(droplet);
    if (vm.key === call.expectKey || (isOrdered && vm.key === null))
      return { tags: droplet.at('tags').texts() };
    const mayBecomeOurs =
      vm.key === null && vm.name === `spuff-${call.expectKey}` && isFresh(api.runtime, vm);
    return mayBecomeOurs ? undefined : { isOther: true };
  }, call);
  if (seen && 'tags' in seen) return seen.tags ?? null;
  throw failure(
    'protected',
    'destroy',
    `the machine ${id} does not carry the key that it was to be destroyed by`,
  );
}

/**
 * Until the cloud no longer knows it. While something else is done to it, the cloud refuses to delete it.
 * @throws ProviderError `timeout`
 */
export async function removeDroplet(api: Api, id: string, call: CallOptions, op: string): Promise<void> {
  const path = dropletPathOf(id);
  if (path === null) return;
  let accepted = false;
  const gone = await api.wait(async () => {
    if (!accepted) {
      try {
        await api.remove({ op, path }, call);
        accepted = true;
      } catch (error) {
        if (!(error instanceof ProviderError) || error.providerCode !== 'conflict') throw error;
      }
    }
    return (await getDroplet(api, id, call, op)) === null ? true : undefined;
  }, call);
  if (!gone)
    throw failure('timeout', op, `DigitalOcean still has the machine ${id}`, {
      retryable: true,
      hints: ['try again'],
    });
}

/**
 * The machine's own tags, which would be left in the account for ever. They cost nothing, and a token may lack the scope
 * for it, so that nothing is said when they can't be removed.
 */
async function forgetTags(api: Api, tags: readonly string[], call: CallOptions, op: string): Promise<void> {
  for (const tag of tags) {
    try {
      const answer = await api.find({ op, path: `/v2/tags/${tag}` }, call);
      // Something else may carry it: taking it off would make that nobody's.
      if (answer?.at('tag').at('resources').at('count').numberOr(1) !== 0) continue;
      await api.remove({ op, path: `/v2/tags/${tag}` }, call);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
    }
  }
}
