/** What is written about spuff's own keys beside them, and what is known of those that nothing is written about. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { type InstanceKey, isInstanceKey } from '../domain/ids.ts';
import type { KeyRing, OwnKey } from '../domain/own-key.ts';
import { makePrivateDirectory, readPrivateFile, writeFileAtomically } from '../lib/atomic-file.ts';
import { parsePublicKey } from '../lib/public-key.ts';

/** A key that is being made: the intent is on disk before the first byte of it. */
export interface MakingKey {
  name: string;
  /** Where its private half is made, on the way to the agent; null: beside where it will stay. */
  workDirectory: string | null;
}

/** The ring as it is on disk. */
export interface RingFile extends KeyRing {
  making: MakingKey | null;
}

/** What the first key is called. Later ones have the time of their making behind it. */
export const firstKeyName = 'id_ed25519';

const namePattern = /^id_ed25519(?:-\d{8}-\d{6}(?:-\d{1,3})?)?$/;
const maxBytes = 1_048_576;

function ringPath(home: string): string {
  return join(home, 'keys', 'ring.json');
}

export function publicPathOf(home: string, name: string): string {
  return join(home, 'keys', `${name}.pub`);
}

/** `id_ed25519-20261125-170501`, in UTC; a number behind it when there is one of that second. */
export function nextKeyName(nowMs: number, taken: ReadonlySet<string>): string {
  if (!taken.has(firstKeyName)) return firstKeyName;
  const digits = new Date(nowMs).toISOString().replace(/\D/g, '');
  const name = `${firstKeyName}-${digits.slice(0, 8)}-${digits.slice(8, 14)}`;
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? name : `${name}-${count}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Names of all that bears the name of a key of ours, whatever the ring says of it. */
export function keyNamesOnDisk(home: string): Set<string> {
  try {
    const names = readdirSync(join(home, 'keys')).map((name) => name.replace(/\.(?:pub|new|new\.pub)$/, ''));
    return new Set(names.filter((name) => namePattern.test(name)));
  } catch {
    // No home yet: there are no keys in it.
    return new Set();
  }
}

/**
 * Reads the ring. Where there is none (`spuff init` of an earlier version wrote none, and a lost one is no lost key) the
 * newest key by name is the current one, and the others retire.
 * @throws SpuffError `state` for one that can't be read, and what reading a private file throws
 */
export function readRing(home: string): RingFile {
  const text = readPrivateFile(ringPath(home), maxBytes);
  if (text === null) return guessRing(home);
  const ring = parseRing(text, home);
  if (ring) return ring;
  throw new SpuffError('state', `${ringPath(home)} can't be understood`, {
    hints: [
      `move it away, the keys beside it are found without it: mv ${ringPath(home)} ${ringPath(home)}.old`,
    ],
  });
}

export function writeRing(home: string, ring: RingFile): void {
  makePrivateDirectory(join(home, 'keys'));
  const value = {
    version: 1,
    making: ring.making,
    current: ring.current && toJson(ring.current),
    retiring: ring.retiring.map((key) => ({ ...toJson(key), clearedFrom: key.clearedFrom })),
  };
  writeFileAtomically(ringPath(home), `${JSON.stringify(value, null, 2)}\n`);
}

function toJson({ name, publicKey, storage, madeAt, expiresAt }: OwnKey): object {
  return {
    name,
    publicKey,
    storage,
    madeAt: madeAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}

/** null for anything that `writeRing` has not written. */
export function parseRing(text: string, home: string): RingFile | null {
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    if (value['version'] !== 1 || !Array.isArray(value['retiring'])) return null;
    return {
      making: value['making'] === null ? null : parseMaking(value['making'] as Record<string, unknown>),
      current: value['current'] === null ? null : parseKey(value['current'] as Record<string, unknown>, home),
      retiring: value['retiring'].map((one: Record<string, unknown>) => ({
        ...parseKey(one, home),
        clearedFrom: parseMachines(one['clearedFrom']),
      })),
    };
  } catch {
    return null;
  }
}

function parseMaking(value: Record<string, unknown>): MakingKey {
  const { name, workDirectory } = value;
  const isPath = workDirectory === null || typeof workDirectory === 'string';
  if (typeof name === 'string' && namePattern.test(name) && isPath) return { name, workDirectory };
  throw new TypeError('not a key that is being made');
}

function parseKey(value: Record<string, unknown>, home: string): OwnKey {
  const { name, storage, expiresAt } = value;
  const key = parsePublicKey(String(value['publicKey']));
  const madeAt = new Date(String(value['madeAt']));
  const end = expiresAt === null ? null : new Date(String(expiresAt));
  const isKnown = storage === 'disk' || storage === 'agent';
  if (typeof name !== 'string' || !namePattern.test(name) || !key || !isKnown) throw new TypeError('no key');
  if (Number.isNaN(madeAt.getTime()) || Number.isNaN(end?.getTime() ?? 0)) throw new TypeError('no date');
  return {
    name,
    publicPath: publicPathOf(home, name),
    publicKey: key.line,
    fingerprint: key.fingerprint,
    storage,
    madeAt,
    expiresAt: end,
  };
}

function parseMachines(value: unknown): InstanceKey[] {
  if (!Array.isArray(value)) throw new TypeError('no list of machines');
  return value.filter((one): one is InstanceKey => typeof one === 'string' && isInstanceKey(one));
}

function guessRing(home: string): RingFile {
  const names = [...keyNamesOnDisk(home)].sort().reverse();
  const [current = null, ...others] = names.flatMap((name) => lookAtKey(home, name) ?? []);
  return { making: null, current, retiring: others.map((key) => ({ ...key, clearedFrom: [] })) };
}

function lookAtKey(home: string, name: string): OwnKey | null {
  const publicPath = publicPathOf(home, name);
  try {
    const key = parsePublicKey(readFileSync(publicPath, 'utf8'));
    if (!key) return null;
    const madeAt = statSync(publicPath).mtime;
    const { line: publicKey, fingerprint } = key;
    const isHere = statSync(publicPath.replace(/\.pub$/, ''), { throwIfNoEntry: false }) !== undefined;
    const storage = isHere ? 'disk' : 'agent';
    return { name, publicPath, publicKey, fingerprint, storage, madeAt, expiresAt: null };
  } catch {
    // Half a key, or one that can't be read: it opens nothing.
    return null;
  }
}
