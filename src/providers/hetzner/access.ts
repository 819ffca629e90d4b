import type { Provider } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { HetznerClient } from './client.ts';
import { neededPermission } from './errors.ts';
import { optionalObject, readNumber, readObject } from './fields.ts';

const op = 'checkAccess';

/**
 * A token belongs to one project and may read, or read and write; the API tells neither the project's name nor the
 * limits of the account. Whether it may write is seen by a request that can't have an effect: a login key without a name
 * and without a key, which the API refuses as such, or because of the token.
 */
export function createAccess(client: HetznerClient): Pick<Provider, 'checkAccess'> {
  return {
    async checkAccess(call) {
      const answer = await client.read(op, '/servers', call, { per_page: 1 });
      const meta = readObject(answer?.['meta'], { op, path: 'meta' });
      const place = { op, path: 'meta.pagination' };
      const servers = readNumber(optionalObject(meta['pagination']), 'total_entries', place);
      const account = `a project of Hetzner Cloud with ${servers} ${servers === 1 ? 'server' : 'servers'}`;
      return { account, missing: await findMissing(), quota: {} };

      async function findMissing(): Promise<string[]> {
        try {
          await client.change(
            { op, method: 'POST', path: '/ssh_keys', body: {}, repeatable: true },
            call,
            [422, 400],
          );
          return [];
        } catch (error) {
          if (!(error instanceof ProviderError) || error.providerCode !== 'forbidden') throw error;
          return [neededPermission];
        }
      }
    },
  };
}
