/** Takes keys away from every machine, from ssh-agent and from the disk, but never the last one that lets the user in. */
import {
  type AuthorizedKey,
  buildKeyChange,
  readAuthorizedKeys,
  showKeysCommand,
} from '../bootstrap/authorized-keys.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { OwnKey, OwnKeyStore } from '../domain/own-key.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { requireChange } from './change-login-key.ts';
import { type AppContext, callOptions } from './context.ts';
import { providersOf } from './own-keys.ts';
import type { Undone } from './rotate-key.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';

export interface RevokeRequest {
  /** `SHA256:…`, of spuff's own or any other that machines let in; 'all': spuff's own. */
  fingerprint: string;
  /** Names of instances that nobody needs to get into any more. */
  force: readonly string[];
}

export interface RevocationReport {
  /** Instances that let it in no longer. */
  done: readonly string[];
  /** Not empty: keys of spuff's own are kept where they are. */
  undone: readonly Undone[];
  /** Keys of spuff's own that were deleted. */
  deleted: readonly OwnKey[];
}

const patienceMs = 60_000;

/** A machine that lets the key in, and how it will be got into afterwards. */
interface Removal {
  instance: Instance;
  target: SshTarget;
  keys: readonly AuthorizedKey[];
  /** The key to log in with; undefined: there is none, and none is wanted. */
  other: string | null | undefined;
}

/**
 * Every machine is looked at before one is changed: where the key is the only one that logs in, nothing is changed anywhere.
 * @throws SpuffError `not-found` when nothing knows such a key; `conflict` when it is the last one somewhere, naming those
 */
export async function revokeKey(
  context: AppContext,
  store: OwnKeyStore,
  { fingerprint, force }: RevokeRequest,
): Promise<RevocationReport> {
  return store.alone(context.signal, async () => {
    const { current, retiring } = store.read();
    const own = [...(current ? [current] : []), ...retiring];
    const doomed = own.filter((key) => fingerprint === 'all' || key.fingerprint === fingerprint);
    const wanted = fingerprint === 'all' ? doomed.map((key) => key.fingerprint) : [fingerprint];
    const others = own.filter((key) => !doomed.includes(key)).map(({ publicPath }) => publicPath);
    const paths = doomed.map(({ publicPath }) => publicPath);
    const plan = await planRemovals(context, { wanted, paths, others, force });
    if (doomed.length === 0 && plan.removals.length === 0 && plan.undone.length === 0) {
      throw new SpuffError('not-found', `no machine and no key of spuff's own has ${fingerprint}`, {
        hints: ['see which there are: spuff key list'],
      });
    }
    refuseLast(plan.last);
    const done: string[] = [];
    const undone = [...plan.undone];
    for (const removal of plan.removals) {
      await tryEach(undone, removal.instance.name, async () => {
        await removeKeys(context, removal);
        done.push(removal.instance.name);
      });
    }
    if (undone.length === 0) undone.push(...(await removeAtProviders(context, doomed)));
    const deleted = undone.length === 0 ? doomed : [];
    for (const key of deleted) {
      await store.leaveAgent(key);
      store.remove(key);
    }
    return { done, undone, deleted };
  });
}

function refuseLast(names: readonly string[]): void {
  if (names.length === 0) return;
  const list = names.join(', ');
  throw new SpuffError('conflict', `it is the only key that lets you in on ${list}; nothing was changed`, {
    hints: [
      'put a new one in its place first: spuff key rotate',
      `or give up getting in there: spuff key revoke FINGERPRINT --force ${names.join(',')}`,
    ],
  });
}

interface Wish {
  /** Fingerprints. */
  wanted: readonly string[];
  /** Of those of them that are spuff's own. */
  paths: readonly string[];
  /** Paths of keys of spuff's own that stay. */
  others: readonly string[];
  force: readonly string[];
}

async function planRemovals(
  context: AppContext,
  { wanted, paths, others, force }: Wish,
): Promise<{ removals: Removal[]; undone: Undone[]; last: string[] }> {
  const removals: Removal[] = [];
  const undone: Undone[] = [];
  const last: string[] = [];
  const ssh = await context.ssh();
  for (const instance of (await context.state()).listInstances()) {
    if (instance.phase === 'destroying') continue;
    await tryEach(undone, instance.name, async () => {
      const target = sshTargetOf(requireReady(instance));
      const shown = await ssh.run(target, showKeysCommand, { timeoutMs: patienceMs, signal: context.signal });
      if (shown.exitCode !== 0) throw unreadable(instance);
      const keys = readAuthorizedKeys(shown.stdout).filter((key) => wanted.includes(key.fingerprint));
      // What it logs in with is there, whatever the file seems to say.
      if (keys.length === 0 && !paths.includes(instance.sshPublicKeyPath ?? '')) return;
      const other = await findOtherKey(context, target, { wanted, others });
      if (other === undefined && !force.includes(instance.name)) last.push(instance.name);
      removals.push({ instance, target, keys, other });
    });
  }
  return { removals, undone, last };
}

function unreadable({ name }: Instance): SpuffError {
  return new SpuffError('provider', `the keys that ${name} lets in can't be read`, {
    hints: [`look at them: spuff exec ${name} -- cat .ssh/authorized_keys`],
  });
}

/** A key that is proven to log in and is none of those that go; undefined when there is none. */
async function findOtherKey(
  context: AppContext,
  target: SshTarget,
  { wanted, others }: { wanted: readonly string[]; others: readonly string[] },
): Promise<string | null | undefined> {
  const ssh = await context.ssh();
  for (const publicKeyPath of new Set([target.publicKeyPath, ...others, ...(await findUserKeys(context))])) {
    let used = '';
    try {
      await ssh.runProven({ ...target, publicKeyPath }, ['true'], {
        timeoutMs: patienceMs,
        signal: context.signal,
        onProven: (fingerprint) => {
          used = fingerprint;
        },
      });
    } catch (error) {
      // Refused, or not there: it does not let anyone in.
      if (error instanceof SpuffError && ['auth', 'config', 'permission'].includes(error.code)) continue;
      throw error;
    }
    if (used !== '' && !wanted.includes(used)) return publicKeyPath;
  }
  return undefined;
}

async function findUserKeys(context: AppContext): Promise<(string | null)[]> {
  const [ssh, settings] = [await context.ssh(), await context.settings()];
  try {
    return [(await ssh.findLoginKeys(settings.sshKey)).publicKeyPath];
  } catch (error) {
    if (error instanceof SpuffError && error.code !== 'interrupted') return [];
    throw error;
  }
}

async function removeKeys(context: AppContext, removal: Removal): Promise<void> {
  const { instance, target, keys, other } = removal;
  const [ssh, state] = [await context.ssh(), await context.state()];
  const lines = keys.map(({ publicKey }) => publicKey);
  const options = { timeoutMs: patienceMs, signal: context.signal };
  const step = context.progress.start(`key taken away from ${instance.name}`);
  try {
    const result =
      other === undefined
        ? await ssh.run(target, buildKeyChange('force', lines), options)
        : await ssh.runProven({ ...target, publicKeyPath: other }, buildKeyChange('remove', lines), {
            ...options,
            onProven: () => {
              if (instance.sshPublicKeyPath !== other)
                state.updateInstance(instance.key, { sshPublicKeyPath: other });
            },
          });
    requireChange(target, result);
    step.done();
  } catch (error) {
    step.fail();
    throw error;
  }
}

async function removeAtProviders(context: AppContext, keys: readonly OwnKey[]): Promise<Undone[]> {
  const instances = (await context.state()).listInstances();
  const undone: Undone[] = [];
  for (const id of keys.length === 0 ? [] : providersOf(instances)) {
    const machines = instances.filter(({ provider }) => provider === id).map(({ key }) => key);
    await tryEach(undone, id, async () => {
      const { loginKeys } = await context.provider(id);
      for (const key of keys) {
        const change = { removed: key.publicKey, added: null, machines };
        await loginKeys?.replace(change, callOptions(context, 120_000));
      }
    });
  }
  return undone;
}

/** What fails is noted under the name, and keeps nothing else from being done. */
async function tryEach(undone: Undone[], name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
    undone.push({ name, error });
  }
}
