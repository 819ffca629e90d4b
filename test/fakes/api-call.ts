/** A process that makes one call of an API with a token, as a provider does, and prints what came of it as JSON. */
import { SpuffError } from '../../src/domain/errors.ts';
import { ProviderError } from '../../src/domain/provider-error.ts';
import { createApiClient } from '../../src/lib/api-client.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { checkApiAddress } from '../../src/lib/https.ts';

const print = (outcome: object) => void process.stdout.write(JSON.stringify(outcome));
const [address = '', token = ''] = process.argv.slice(2);
try {
  const client = createApiClient({
    provider: 'test',
    baseUrl: checkApiAddress(address),
    runtime: systemRuntime,
    authorize: async () => ({ authorization: `Bearer ${token}` }),
    toError: ({ status }, { op }) =>
      new ProviderError('server', `HTTP ${status}`, { provider: 'test', op, retryable: false, status }),
    spacingMs: 0,
  });
  const deadline = new Date(Date.now() + 5_000);
  const call = { signal: new AbortController().signal, deadline };
  const answer = await client.send({ op: 'get', method: 'GET', path: '/account', repeatable: false }, call);
  print({ status: answer.status, body: answer.body });
} catch (error) {
  if (!(error instanceof SpuffError)) throw error;
  print({ code: error.code, message: error.message, hints: error.hints });
}
