/** Puts a new key in the place of spuff's own, on every machine and at the providers, without locking anyone out. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { NewKey, OwnKey, OwnKeyStore, RetiringKey } from '../domain/own-key.ts';
import { moveToKey } from './change-login-key.ts';
import { type AppContext, callOptions } from './context.ts';
import { logsInWith, providersOf } from './own-keys.ts';

export interface Undone {
  /** Of an instance, or of a provider. */
  name: string;
  error: SpuffError;
}

export interface RotationReport {
  key: OwnKey;
  /** True: the key is that of an earlier run, which had not come to its end. */
  resumed: boolean;
  /** Names of the instances that the new key opens, and no old one. */
  done: readonly string[];
  /** Not empty: the old keys are kept, and the same command goes on. */
  undone: readonly Undone[];
  /** What was deleted. */
  retired: readonly OwnKey[];
}

/**
 * The order is what makes it safe to be cut off anywhere: the new key is written down as current (for machines to come)
 * and the old one as retiring before any machine is asked; each machine moves by itself (see `moveToKey`); and a retiring
 * key is deleted when every machine of the state has been seen to be without it. A run that finds a retiring key goes on.
 * @param beforeDeletion told of each old key that no machine lets in any more, while it is still there; what it throws is thrown
 * @throws SpuffError `not-found` when there is no key; `config` when the settings name one of spuff's own by its path
 */
export async function rotateOwnKey(
  context: AppContext,
  store: OwnKeyStore,
  request: (current: OwnKey) => NewKey,
  beforeDeletion: (old: OwnKey) => Promise<void> = async () => undefined,
): Promise<RotationReport> {
  return store.alone(context.signal, async () => {
    const { current, retiring } = store.read();
    if (!current) {
      throw new SpuffError('not-found', 'there is no key of spuff’s own to rotate', {
        hints: ['make one: spuff key new'],
      });
    }
    await refuseConfiguredPath(context, [current, ...retiring]);
    const resumed = retiring.length > 0 && (await store.isUsable(current));
    if (resumed) {
      context.progress.note(`going on with the rotation to ${current.fingerprint}, which has not ended`);
    }
    const key = resumed ? current : await store.make(request(current));
    const { done, undone } = await moveMachines(context, store, key);
    if (undone.length === 0) undone.push(...(await replaceAtProviders(context, store, key)));
    if (undone.length === 0) {
      for (const old of store.read().retiring) await beforeDeletion(old);
    }
    const retired = undone.length === 0 ? await retireKeys(context, store) : [];
    return { key, resumed, done, undone, retired };
  });
}

/** A path in the settings would lead to nothing once its key has retired. */
async function refuseConfiguredPath(context: AppContext, keys: readonly OwnKey[]): Promise<void> {
  const { sshKey } = await context.settings();
  const path = sshKey === null ? null : sshKey.replace(/\.pub$/, '');
  if (path === null || !keys.some((key) => key.publicPath === `${path}.pub`)) return;
  throw new SpuffError('config', `the setting ssh_key names spuff's own key by its path: ${sshKey}`, {
    hints: ['its own key is taken without that: spuff config unset ssh_key'],
  });
}

/** One after the other: ssh may have to ask for a passphrase on the way. */
async function moveMachines(
  context: AppContext,
  store: OwnKeyStore,
  key: OwnKey,
): Promise<{ done: string[]; undone: Undone[] }> {
  const state = await context.state();
  const done: string[] = [];
  const undone: Undone[] = [];
  for (const { key: machine } of state.listInstances()) {
    const { retiring } = store.read();
    const instance = state.getInstance(machine);
    if (!instance || !isConcerned(instance, key, retiring)) continue;
    try {
      const old = retiring.filter((one) => !isCleared(instance, one));
      if (old.length > 0) await moveToKey(context, instance, key, old);
      for (const one of old) store.noteCleared(one, machine);
      done.push(instance.name);
    } catch (error) {
      if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
      // Destroyed meanwhile: there is nothing left to be done on it.
      if (state.getInstance(machine)) undone.push({ name: instance.name, error });
    }
  }
  return { done, undone };
}

function isConcerned(instance: Instance, key: OwnKey, retiring: readonly RetiringKey[]): boolean {
  if (retiring.some((one) => logsInWith(instance, one))) return true;
  // What was made with the new key has never known an old one.
  return logsInWith(instance, key) && instance.createdAt < key.madeAt;
}

function isCleared(instance: Instance, { clearedFrom, publicPath }: RetiringKey): boolean {
  return clearedFrom.includes(instance.key) && instance.sshPublicKeyPath !== publicPath;
}

/** Where providers keep login keys in the account: the new one takes the place of each old one for machines that moved. */
async function replaceAtProviders(context: AppContext, store: OwnKeyStore, key: OwnKey): Promise<Undone[]> {
  const { retiring } = store.read();
  const instances = (await context.state()).listInstances();
  const undone: Undone[] = [];
  for (const id of retiring.length === 0 ? [] : providersOf(instances)) {
    const machines = instances.filter((one) => one.provider === id && logsInWith(one, key));
    try {
      const { loginKeys } = await context.provider(id);
      for (const old of loginKeys ? retiring : []) {
        const change = {
          removed: old.publicKey,
          added: key.publicKey,
          machines: machines.map((one) => one.key),
        };
        await loginKeys?.replace(change, callOptions(context, 120_000));
      }
    } catch (error) {
      if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
      undone.push({ name: id, error });
    }
  }
  return undone;
}

/** Deletes what no machine lets in any more. One that an `up` has taken meanwhile stays for the next run. */
async function retireKeys(context: AppContext, store: OwnKeyStore): Promise<OwnKey[]> {
  const state = await context.state();
  const retired: OwnKey[] = [];
  for (const key of store.read().retiring) {
    const isNeeded = () => state.listInstances().some((instance) => logsInWith(instance, key));
    if (isNeeded()) continue;
    await store.leaveAgent(key);
    const isGone = state.transact(() => {
      if (isNeeded()) return false;
      store.remove(key);
      return true;
    });
    if (isGone) retired.push(key);
  }
  return retired;
}
