/** The keys of spuff's own: making the first one, and what is known of each. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { NewKey, OwnKey, OwnKeyStore } from '../domain/own-key.ts';
import { type AppContext, callOptions } from './context.ts';

/**
 * Makes a key where there is none.
 * @throws SpuffError `conflict` when there is one, `config` when none could be made
 */
export async function makeOwnKey(context: AppContext, store: OwnKeyStore, request: NewKey): Promise<OwnKey> {
  return store.alone(context.signal, async () => {
    const { current } = store.read();
    if (!current) return store.make(request);
    throw new SpuffError('conflict', `there is a key of spuff's own already: ${current.fingerprint}`, {
      hints: ['put a new one in its place, on every machine: spuff key rotate', 'see it: spuff key list'],
    });
  });
}

export interface OwnKeyReport {
  key: OwnKey;
  /** `retiring`: a newer one takes its place, and some machine is not done yet. */
  role: 'current' | 'retiring';
  /** null: since when it is there is in the future, so some clock is wrong. */
  ageMs: number | null;
  /** Whether ssh can use it: its file is there, or ssh-agent holds it. */
  isUsable: boolean;
  isInAgent: boolean;
  /** Of the agent's copy; null: it has no end, or is not there. */
  remainingMs: number | null;
  /** null: there is no file that could have one. */
  hasPassphrase: boolean | null;
  /** Names of the instances that it logs in on, by the state. */
  instances: readonly string[];
  /** null: they were not asked. */
  registrations: Registrations | null;
}

export interface Registrations {
  providers: readonly string[];
  /** Providers that could not be asked. */
  failures: readonly { provider: string; error: SpuffError }[];
}

/**
 * What there is to know of each key, the current one first. Opens no private half.
 * @param options.asksProviders also at which providers of instances in the state each is registered
 * @throws SpuffError `permission` for a private half that others can read
 */
export async function describeOwnKeys(
  context: AppContext,
  store: OwnKeyStore,
  options: { asksProviders: boolean },
): Promise<OwnKeyReport[]> {
  const { current, retiring } = store.read();
  const instances = (await context.state()).listInstances();
  const registered =
    options.asksProviders && current ? await listRegistered(context, providersOf(instances)) : null;
  const nowMs = context.runtime.now();
  const reports: OwnKeyReport[] = [];
  for (const key of [...(current ? [current] : []), ...retiring]) {
    const isInAgent = await store.isInAgent(key);
    const ageMs = nowMs - key.madeAt.getTime();
    reports.push({
      key,
      role: key.name === current?.name ? 'current' : 'retiring',
      ageMs: ageMs < 0 ? null : ageMs,
      isUsable: await store.isUsable(key),
      isInAgent,
      remainingMs: isInAgent && key.expiresAt ? Math.max(0, key.expiresAt.getTime() - nowMs) : null,
      hasPassphrase: await store.hasPassphrase(key),
      instances: instances.filter((one) => logsInWith(one, key)).map(({ name }) => name),
      registrations: registered && {
        providers: registered.flatMap((one) => (one.keys.includes(key.publicKey) ? [one.provider] : [])),
        failures: registered.flatMap(({ provider, error }) => (error ? [{ provider, error }] : [])),
      },
    });
  }
  return reports;
}

export function logsInWith(instance: Instance, key: Pick<OwnKey, 'publicPath'>): boolean {
  return instance.phase !== 'destroying' && instance.sshPublicKeyPath === key.publicPath;
}

export function providersOf(instances: readonly Instance[]): string[] {
  return [...new Set(instances.map(({ provider }) => provider))];
}

interface Registered {
  provider: string;
  keys: readonly string[];
  error: SpuffError | null;
}

async function listRegistered(context: AppContext, ids: readonly string[]): Promise<Registered[]> {
  return Promise.all(
    ids.map(async (id): Promise<Registered> => {
      try {
        const { loginKeys } = await context.provider(id);
        const keys = (await loginKeys?.list(callOptions(context, 20_000))) ?? [];
        return { provider: id, keys, error: null };
      } catch (error) {
        if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
        return { provider: id, keys: [], error };
      }
    }),
  );
}
