/** The port to spuff's own keys: OpenSSH's programs, and the ring beside the keys. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { NewKey, OwnKey, OwnKeyStore } from '../domain/own-key.ts';
import type { Runtime } from '../domain/provider.ts';
import { makePrivateDirectory } from '../lib/atomic-file.ts';
import { withProcessLock } from '../lib/process-lock.ts';
import { parsePublicKey } from '../lib/public-key.ts';
import { listAgentKeys, removeFromAgent, requireAgent } from './agent-keys.ts';
import { checkPrivateHalf, hasNoPassphrase, readPublicHalf, toKeyPairPaths } from './key-file.ts';
import {
  keyNamesOnDisk,
  type MakingKey,
  nextKeyName,
  publicPathOf,
  type RingFile,
  readRing,
  writeRing,
} from './key-ring.ts';
import { chooseWorkDirectory, keyComment, makeKeyInAgent, makeKeyOnDisk, removeHalves } from './own-key.ts';

export function createOwnKeyStore({ home, runtime }: { home: string; runtime: Runtime }): OwnKeyStore {
  const change = (work: (ring: RingFile) => RingFile) => writeRing(home, work(readRing(home)));
  return {
    alone: (signal, work) => withProcessLock(join(home, 'run', 'keys.lock'), signal, work),
    read: () => {
      const { current, retiring } = readRing(home);
      return { current, retiring };
    },
    make: (request) => makeKey(home, request, runtime.now()),
    isUsable: async (key) => checkPrivateHalf(privatePathOf(key)) || isInAgent(key),
    hasPassphrase: async (key) => {
      const paths = toKeyPairPaths(key.publicPath);
      if (!checkPrivateHalf(paths.privatePath)) return null;
      return !(await hasNoPassphrase(paths, readPublicHalf(paths)));
    },
    isInAgent,
    noteCleared: (key, machine) =>
      change((ring) => ({
        ...ring,
        retiring: ring.retiring.map((one) =>
          one.name === key.name && !one.clearedFrom.includes(machine)
            ? { ...one, clearedFrom: [...one.clearedFrom, machine] }
            : one,
        ),
      })),
    leaveAgent: async (key) => {
      if (existsSync(key.publicPath)) await removeFromAgent(key.publicPath);
    },
    remove: (key) => {
      removeHalves(privatePathOf(key));
      change((ring) => ({
        ...ring,
        current: ring.current?.name === key.name ? null : ring.current,
        retiring: ring.retiring.filter(({ name }) => name !== key.name),
      }));
    },
  };
}

function privatePathOf({ publicPath }: Pick<OwnKey, 'publicPath'>): string {
  return publicPath.replace(/\.pub$/, '');
}

async function isInAgent({ publicKey }: Pick<OwnKey, 'publicKey'>): Promise<boolean> {
  return (await listAgentKeys()).some(({ line }) => line === publicKey);
}

/**
 * The intent is written first, and the key becomes the current one in one write, when all of it is there: until then
 * nobody has used it, so that what a run that was cut off has left can be thrown away.
 */
async function makeKey(home: string, request: NewKey, nowMs: number): Promise<OwnKey> {
  makePrivateDirectory(join(home, 'keys'));
  if (request.storage === 'agent') await requireAgent();
  const before = readRing(home);
  if (before.making) await discardMaking(home, before.making);
  const name = nextKeyName(nowMs, keyNamesOnDisk(home));
  const making = { name, workDirectory: request.storage === 'agent' ? chooseWorkDirectory() : null };
  writeRing(home, { ...before, making });
  const publicPath = publicPathOf(home, name);
  const comment = keyComment(nowMs);
  try {
    if (request.storage === 'disk') {
      await makeKeyOnDisk(privatePathOf({ publicPath }), comment, request.passphrase);
    } else {
      const workDirectory = making.workDirectory ?? chooseWorkDirectory();
      await makeKeyInAgent(publicPath, comment, { workDirectory, lifetimeMs: request.lifetimeMs });
    }
  } catch (error) {
    await discardMaking(home, making);
    writeRing(home, { ...before, making: null });
    throw error;
  }
  const key = describeNew(home, name, request, nowMs);
  const former = before.current ? [{ ...before.current, clearedFrom: [] }] : [];
  writeRing(home, { making: null, current: key, retiring: [...before.retiring, ...former] });
  return key;
}

async function discardMaking(home: string, { name, workDirectory }: MakingKey): Promise<void> {
  const publicPath = publicPathOf(home, name);
  if (existsSync(publicPath)) await removeFromAgent(publicPath);
  const privatePath = privatePathOf({ publicPath });
  removeHalves(`${privatePath}.new`);
  removeHalves(privatePath);
  // The path is from a file of ours; only what `chooseWorkDirectory` names is removed.
  if (workDirectory !== null && /\/spuff-key-[0-9a-f]{16}$/.test(workDirectory))
    rmSync(workDirectory, { recursive: true, force: true });
}

function describeNew(home: string, name: string, request: NewKey, nowMs: number): OwnKey {
  const publicPath = publicPathOf(home, name);
  const key = parsePublicKey(readFileSync(publicPath, 'utf8'));
  if (!key) throw new SpuffError('internal', `${publicPath} is no public key, though ssh-keygen has made it`);
  return {
    name,
    publicPath,
    publicKey: key.line,
    fingerprint: key.fingerprint,
    storage: request.storage,
    madeAt: new Date(nowMs),
    expiresAt: request.storage === 'agent' ? new Date(nowMs + request.lifetimeMs) : null,
  };
}
