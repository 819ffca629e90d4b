/** The provider of AWS: its credentials are not a token, and its machines are looked for region by region. */
import { homedir } from 'node:os';
import type { AppContext } from '../app/context.ts';
import type { Provider } from '../domain/provider.ts';
import { checkApiAddress } from '../lib/https.ts';
import { createAwsProvider } from '../providers/aws/aws-provider.ts';
import { readAwsCredentials } from '../providers/aws/credentials.ts';
import { keepCatalog, settingsOrNull } from './clouds.ts';

const fallbackRegion = 'us-east-1';
/** It does not say what is sold out, and takes many requests. */
const catalogLifetimeMs = 24 * 3_600_000;
const awsRegion = /^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/;

export async function openAws(context: AppContext): Promise<Provider> {
  // One address for all services and regions, as the AWS CLI takes it too: a simulator on this computer, say.
  const address = process.env['AWS_ENDPOINT_URL'];
  const endpoint = address ? checkApiAddress(address) : null;
  const settings = await settingsOrNull(context);
  const regions = await findRegions(context, settings?.provider === 'aws' ? (settings.regions ?? []) : []);
  const provider = createAwsProvider({
    runtime: context.runtime,
    credentials: (signal) =>
      readAwsCredentials(
        { env: process.env, command: settings?.tokenCommand ?? null, userHome: homedir() },
        signal,
      ),
    regions,
    ...(endpoint && { endpoint: () => endpoint }),
  });
  return keepCatalog(context, provider, `${address ?? 'aws'} ${regions.join(' ')}`, catalogLifetimeMs);
}

/** The one to make machines in first, then those that machines may be in. */
async function findRegions(
  context: AppContext,
  configured: readonly string[],
): Promise<[string, ...string[]]> {
  const own = process.env['AWS_REGION'] || process.env['AWS_DEFAULT_REGION'] || fallbackRegion;
  const known = (await context.state()).listInstances().filter(({ provider }) => provider === 'aws');
  // The rule may name regions of other providers too.
  const allowed = ((await settingsOrNull(context))?.allowedRegions ?? []).filter((one) =>
    awsRegion.test(one),
  );
  const [first = own, ...others] = configured;
  const all = new Set([first, ...others, ...allowed, ...known.map(({ region }) => region)]);
  all.delete(first);
  return [first, ...all];
}
