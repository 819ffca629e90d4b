import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Provider } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { Api } from './api.ts';
import { failure } from './failure.ts';
import { createMachine, type OrderBook } from './machine-create.ts';
import { setExpiry } from './machine-expiry.ts';
import { dropletPathOf, getDroplet, getMachine, listMachines, sightMachine } from './machine-lookup.ts';
import { readOwnTags } from './machine-tags.ts';
import { waitForState } from './machine-wait.ts';
import { ownTags } from './tags.ts';
import { whyOff } from './why-off.ts';

type Machines = Pick<
  Provider,
  'create' | 'find' | 'get' | 'list' | 'waitFor' | 'destroy' | 'setExpiry' | 'whyOff'
>;

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
    setExpiry: (id, expiresAt, call) => setExpiry(api, book, id, expiresAt, call),
    whyOff: (id, call) => whyOff(api, id, call),
  };
}

async function destroyMachine(
  api: Api,
  book: OrderBook,
  id: string,
  call: CallOptions & { expectKey: InstanceKey },
): Promise<void> {
  const op = 'destroy';
  const tags = await readOwnTags(api, book, id, call, { op, done: 'destroyed' });
  if (tags === null) return;
  await removeDroplet(api, id, call, op);
  book.ids.delete(call.expectKey);
  await forgetTags(api, ownTags(tags, call.expectKey), call, op);
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
