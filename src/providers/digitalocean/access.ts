import type { AccessReport, CallOptions, Provider } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { showRemote } from '../../lib/api-client.ts';
import type { Answer } from './answer.ts';
import type { Api } from './api.ts';
import { failure } from './failure.ts';
import { readProbes, scopeOf } from './scopes.ts';

const op = 'checkAccess';

/**
 * Asks one harmless question for each scope that reads. The API has no list of a token's scopes, and whether it may write
 * shows only in writing; a refusal names the scope then.
 */
export function createAccess(api: Api): Pick<Provider, 'checkAccess'> {
  return {
    async checkAccess(call) {
      const [account, ...probes] = await Promise.all([
        ask(api, '/v2/account', undefined, call),
        ...readProbes.map(async ({ path, query }) => ({ path, answer: await ask(api, path, query, call) })),
      ]);
      const missing = [
        ...(account === 'forbidden' ? [scopeOf('GET', '/v2/account')] : []),
        ...probes.filter(({ answer }) => answer === 'forbidden').map(({ path }) => scopeOf('GET', path)),
      ];
      const droplets = probes.find(({ path }) => path === '/v2/droplets')?.answer;
      return report(account, droplets, missing);
    },
  };
}

type Outcome = Answer | 'forbidden' | null;

async function ask(
  api: Api,
  path: string,
  query: Readonly<Record<string, number>> | undefined,
  call: CallOptions,
): Promise<Outcome> {
  try {
    return await api.find({ op, path, ...(query && { query }) }, call);
  } catch (error) {
    if (error instanceof ProviderError && error.providerCode === 'forbidden') return 'forbidden';
    throw error;
  }
}

function report(account: Outcome, droplets: Outcome | undefined, missing: string[]): AccessReport {
  if (account === 'forbidden') return { account: 'unknown', missing, quota: {} };
  if (account === null) throw failure('protocol', op, 'DigitalOcean does not know the account of the token');
  const fields = account.at('account');
  const status = fields.at('status').textOr('active');
  if (status === 'locked') {
    const why = showRemote(fields.at('status_message').textOr(''));
    throw failure(
      'account-locked',
      op,
      `DigitalOcean has locked the account${why === '' ? '' : `: ${why}`}`,
      {
        hints: ['look at https://cloud.digitalocean.com for what the account needs'],
      },
    );
  }
  const limit = fields.at('droplet_limit').numberOr(null);
  const used =
    droplets === undefined || droplets === null || droplets === 'forbidden'
      ? null
      : droplets.at('meta').at('total').numberOr(null);
  return {
    account: accountName(fields),
    missing,
    quota: limit === null || used === null ? {} : { vms: { used, limit } },
  };
}

/** The team's name besides the user's, where there is one: a token is of one team. */
function accountName(fields: Answer): string {
  const email = showRemote(fields.at('email').text());
  const team = showRemote(fields.at('team').at('name').textOr(''));
  return team === '' ? email : `${email} (${team})`;
}
