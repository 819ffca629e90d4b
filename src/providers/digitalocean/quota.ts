import type { CallOptions } from '../../domain/provider.ts';
import type { Api } from './api.ts';

/** How many droplets there are and may be; null: the API does not say. */
export async function readQuota(
  api: Api,
  call: CallOptions,
  op: string,
): Promise<{ used: number; limit: number } | null> {
  const [account, droplets] = await Promise.all([
    api.get({ op, path: '/v2/account' }, call),
    api.get({ op, path: '/v2/droplets', query: { per_page: 1 } }, call),
  ]);
  const limit = account.at('account').at('droplet_limit').numberOr(null);
  const used = droplets.at('meta').at('total').numberOr(null);
  return limit === null || used === null ? null : { used, limit };
}
