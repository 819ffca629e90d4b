import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { FirewallStore, Provider } from '../domain/provider.ts';
import { networkHolds, parseNetwork } from '../lib/network-address.ts';
import { type AppContext, callOptions } from './context.ts';
import { findMyAddress } from './my-address.ts';
import { refuse } from './refuse-by-policy.ts';

/** What the word `my-ip` stands for on a command line. */
const mine = 'my-ip';
const patienceMs = 60_000;

/** The networks that may reach port 22; null: everybody. */
export async function showFirewall(
  context: AppContext,
  instance: Instance,
): Promise<readonly string[] | null> {
  const { firewall } = await openFirewall(context, instance);
  return firewall.show(instance.key, callOptions(context, patienceMs));
}

/**
 * Lets further networks in: in CIDR notation, or `my-ip`.
 * @returns all that may reach port 22 now
 * @throws SpuffError `config` for what a policy does not allow
 */
export async function allowNetworks(
  context: AppContext,
  instance: Instance,
  wanted: readonly string[],
): Promise<readonly string[]> {
  const rules = await context.policy(instance.directory);
  // Before anybody is asked for the user's address.
  refuse(rules, { allowSshFrom: wanted.flatMap((text) => parseNetwork(text) ?? []) });
  const networks = await readNetworks(context, wanted);
  return changeFirewall(context, instance, (before) => {
    const after = [...new Set([...(before ?? []), ...networks])];
    refuse(rules, { allowSshFrom: after });
    return after;
  });
}

/**
 * Shuts networks out again.
 * @throws SpuffError `not-found` for one that is not let in
 */
export async function revokeNetworks(
  context: AppContext,
  instance: Instance,
  wanted: readonly string[],
): Promise<readonly string[]> {
  const networks = await readNetworks(context, wanted);
  return changeFirewall(context, instance, (before) => {
    const unknown = networks.filter((network) => !before?.includes(network));
    if (unknown.length === 0 && before) return before.filter((network) => !networks.includes(network));
    throw new SpuffError('not-found', `${unknown.join(', ')} is not let in by name`, {
      hints: [`see who is: spuff firewall show ${instance.name}`],
    });
  });
}

/** Shuts port 22 for everybody. Connections that are open stay open where the provider's filter keeps them. */
export async function closeFirewall(context: AppContext, instance: Instance): Promise<void> {
  await changeFirewall(context, instance, () => []);
}

async function changeFirewall(
  context: AppContext,
  instance: Instance,
  change: (before: readonly string[] | null) => readonly string[],
): Promise<readonly string[]> {
  const { firewall } = await openFirewall(context, instance);
  const options = callOptions(context, patienceMs);
  const after = change(await firewall.show(instance.key, options));
  await firewall.set(instance.key, after, options);
  await noteReach(context, instance, after.length === 0);
  return after;
}

async function openFirewall(
  context: AppContext,
  instance: Instance,
): Promise<{ provider: Provider; firewall: FirewallStore }> {
  const provider = await context.provider(instance.provider);
  if (provider.firewall) return { provider, firewall: provider.firewall };
  throw new SpuffError('unsupported', `${provider.id} has no firewalls in front of its machines`, {
    hints: ['what filters on the machine itself: spuff exec NAME -- sudo nft list table inet spuff'],
  });
}

async function readNetworks(context: AppContext, wanted: readonly string[]): Promise<string[]> {
  return Promise.all(
    wanted.map(async (text) => {
      if (text === mine) return findMyAddress((await context.settings()).addressService, context.signal);
      const network = parseNetwork(text);
      if (network !== null) return network;
      throw new SpuffError('usage', `${JSON.stringify(text)} is no address and no network`, {
        hints: ['write 198.51.100.7, 198.51.100.0/24, 2001:db8::/64, or my-ip'],
      });
    }),
  );
}

/**
 * Does what needs a connection. Where none comes about because the user's address has changed since it was let in, the
 * error says so, with the command that lets it in.
 * @throws what `work` throws
 */
export async function sayWhenShutOut<T>(
  context: AppContext,
  instance: Instance,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SpuffError) || !['connection', 'timeout'].includes(error.code)) throw error;
    const address = await findAddressShutOut(context, instance);
    if (address === null) throw error;
    throw new SpuffError(error.code, error.message, {
      hints: [
        `your address is ${address} now, which the firewall does not let in: spuff firewall allow ${instance.name}`,
        ...error.hints,
      ],
      cause: error,
    });
  }
}

/** The user's address, where the firewall does not let it in; null where it does, or nobody knows. */
async function findAddressShutOut(context: AppContext, instance: Instance): Promise<string | null> {
  try {
    const provider = await context.provider(instance.provider);
    const networks = await provider.firewall?.show(instance.key, callOptions(context, 10_000));
    if (!networks) return null;
    const mine = await findMyAddress((await context.settings()).addressService, context.signal);
    const address = mine.replace(/\/.*/, '');
    return networks.some((network) => networkHolds(network, address)) ? null : address;
  } catch {
    // It only adds to an error that is told already.
    return null;
  }
}

/** Whether it is reached by the tailnet alone from now on. */
async function noteReach(
  context: AppContext,
  { key, tailnet }: Instance,
  isPublicClosed: boolean,
): Promise<void> {
  if (tailnet === null || tailnet.isPublicClosed === isPublicClosed) return;
  (await context.state()).updateInstance(key, { tailnet: { ...tailnet, isPublicClosed } });
}
