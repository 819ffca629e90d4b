/** What a program can check at the provider. */
import type { Inspection, Seen } from '../../domain/inspection.ts';
import { escapeText } from '../../lib/escape.ts';
import { type AppContext, callOptions } from '../context.ts';
import { listOrphans } from '../orphans.ts';

export interface ProviderContext {
  context: AppContext;
  providerId: string;
}

const oneLine = (text: string) => escapeText(text, { singleLine: true });

export const providerInspections: readonly Inspection<ProviderContext>[] = [
  {
    ...{ control: 'S1', slug: 'token', place: 'provider', severity: 'medium' },
    title: 'the token works, and has the rights that spuff needs',
    why: 'with a token that may not destroy, machines stay and cost',
    run: async ({ context, providerId }) => {
      const provider = await context.provider(providerId);
      const { missing } = await provider.checkAccess(callOptions(context, 20_000));
      return missing.map((one) => ({
        what: `the token may not: ${oneLine(one)}`,
        mend: 'give it that, or make a new one: docs/providers.md lists what is needed',
      }));
    },
  },
  {
    ...{ control: 'L3', slug: 'unknown-machines', place: 'provider', severity: 'high' },
    title: 'no machine bears the marks of spuff that this computer does not know',
    why: 'it was forgotten and costs, or somebody else has your token',
    run: ({ context, providerId }) => findOrphans(context, providerId, true),
  },
  {
    ...{ control: 'L2', slug: 'leftovers', place: 'provider', severity: 'low' },
    title: 'nothing is left of machines that are gone',
    why: 'volumes and addresses cost; a key that stays is let in on the next machine of others too',
    run: ({ context, providerId }) => findOrphans(context, providerId, false),
  },
  {
    ...{ control: 'V3', slug: 'firewall', place: 'provider', severity: 'medium' },
    title: 'port 22 of every machine is open to known addresses alone',
    why: 'a fault in sshd is anybody’s who reaches it',
    run: async ({ context, providerId }) => {
      const { firewall } = await context.provider(providerId);
      if (!firewall) return { skipped: 'this provider has no firewalls' };
      const instances = (await context.state()).listInstances();
      const seen: Seen[] = [];
      for (const { provider, name, key, phase } of instances) {
        if (provider !== providerId || phase !== 'ready') continue;
        const sources = await firewall.show(key, callOptions(context, 20_000));
        if (sources === null || sources.some((network) => /\/0$/.test(network)))
          seen.push({ what: `everybody reaches port 22 of ${name}`, mend: `spuff firewall close ${name}` });
      }
      return seen;
    },
  },
];

async function findOrphans(context: AppContext, providerId: string, machines: boolean): Promise<Seen[]> {
  return (await listOrphans(context, [providerId]))
    .filter(({ kind }) => (kind === 'vm') === machines)
    .map(({ kind, id, name, key, instanceName }) => {
      const called = oneLine(instanceName ?? name);
      return {
        what: `${kind} ${oneLine(id)} (${called}) belongs to no instance that this computer knows`,
        mend: key === null || kind !== 'vm' ? 'spuff orphans' : `spuff adopt ${key}, or spuff down ${key}`,
      };
    });
}
