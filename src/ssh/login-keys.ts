/** Which of the user's keys logs in. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { OwnKey } from '../domain/own-key.ts';
import type { LoginKeys } from '../domain/ssh.ts';
import { escapeText } from '../lib/escape.ts';
import { findWeakness, type PublicKey, parsePublicKey } from '../lib/public-key.ts';
import { quoteArgument } from '../lib/shell-quote.ts';
import { listAgentKeys } from './agent-keys.ts';
import {
  checkPrivateHalf,
  hasNoPassphrase,
  type KeyPairPaths,
  readPublicHalf,
  toKeyPairPaths,
} from './key-file.ts';
import { readRing } from './key-ring.ts';

export interface KeySearch {
  /** `SPUFF_HOME`. */
  home: string;
  userHome: string;
  configuredPath: string | null;
}

/**
 * The configured key; else spuff's own; else the agent's keys; else the first of `~/.ssh/id_*` that has both halves.
 * @throws SpuffError `permission` for a private key that others can read; `config` when there is none, or it is too weak
 */
export async function findLoginKeys(search: KeySearch): Promise<LoginKeys> {
  if (search.configuredPath !== null) {
    return useKeyPair(toKeyPairPaths(search.configuredPath, search.userHome), await listAgentKeys());
  }
  const agentKeys = await listAgentKeys();
  const own = readRing(search.home).current;
  // It was made on request, for these machines alone, and its rotation counts on being what opens them.
  if (own) return useKeyPair(toKeyPairPaths(own.publicPath), agentKeys, own);
  const strong = agentKeys.filter((key) => findWeakness(key) === null);
  const notes = agentKeys.flatMap((key) => describeWeakKey(key));
  const pairs = listKeyPairs(join(search.userHome, '.ssh'));
  if (strong.length > 0) return useAgentKeys(strong, pairs, notes);
  const pair = pairs.find(isUsable) ?? pairs[0];
  if (pair) {
    const keys = await useKeyPair(pair, agentKeys);
    return { ...keys, notes: [...notes, ...keys.notes] };
  }
  throw new SpuffError('config', 'there is no SSH key to log in with', {
    hints: [
      ...notes,
      'let spuff make one of its own: spuff key new',
      'or make one yourself: ssh-keygen -t ed25519',
      'or name one: spuff config set ssh_key PATH',
    ],
  });
}

/** Keys of the agent that are also on disk are named by file, so that they work on when the agent is gone. */
async function useAgentKeys(
  keys: readonly PublicKey[],
  pairs: readonly KeyPairPaths[],
  notes: readonly string[],
): Promise<LoginKeys> {
  const lines = new Set(keys.map((key) => key.line));
  const pair = pairs.find(({ publicPath }) => lines.has(peekPublicKey(publicPath)?.line ?? ''));
  if (pair) {
    const found = await useKeyPair(pair, keys);
    return { ...found, notes: [...notes, ...found.notes] };
  }
  return { publicKeys: keys.map((key) => key.line), publicKeyPath: null, notes };
}

/** @param own the pair as spuff's own key, which can be made anew */
async function useKeyPair(
  pair: KeyPairPaths,
  agentKeys: readonly PublicKey[],
  own: OwnKey | null = null,
): Promise<LoginKeys> {
  const key = readPublicHalf(pair);
  const isHere = checkPrivateHalf(pair.privatePath);
  const notes: string[] = [];
  if (isHere && (await hasNoPassphrase(pair, key))) {
    const path = quoteArgument(pair.privatePath);
    notes.push(
      `${pair.privatePath} has no passphrase: whoever copies it can log in. Give it one: ssh-keygen -p -f ${path}`,
    );
  }
  if (!isHere && !agentKeys.some((other) => other.line === key.line)) {
    if (own) throw ownKeyGone(own);
    throw new SpuffError(
      'config',
      `the private half of ${pair.publicPath} is neither beside it nor in ssh-agent`,
      {
        hints: ['load it: ssh-add', 'see what the agent has: ssh-add -l'],
      },
    );
  }
  return { publicKeys: [key.line], publicKeyPath: pair.publicPath, notes };
}

function ownKeyGone({ publicPath, storage }: OwnKey): SpuffError {
  const message =
    storage === 'agent'
      ? "ssh-agent does not hold spuff's own key any more"
      : `the private half of ${publicPath} is gone`;
  return new SpuffError('config', message, {
    hints: ['make another one: spuff key rotate', 'see what there is: spuff key list'],
  });
}

/** Pairs in the order of preference: the names that ssh itself tries, then the others. */
function listKeyPairs(directory: string): KeyPairPaths[] {
  const preferred = ['id_ed25519', 'id_ed25519_sk', 'id_ecdsa', 'id_ecdsa_sk', 'id_rsa'];
  let names: string[];
  try {
    names = readdirSync(directory).sort();
  } catch {
    // No ~/.ssh, or not for us to read: there are no keys in it.
    return [];
  }
  const stems = new Set(
    names.filter((name) => /^id_[\w.@-]+$/.test(name)).map((name) => name.replace(/\.pub$/, '')),
  );
  const others = [...stems].filter((stem) => !preferred.includes(stem));
  return [...preferred.filter((stem) => stems.has(stem)), ...others].map((stem) =>
    toKeyPairPaths(join(directory, stem)),
  );
}

function isUsable({ publicPath, privatePath }: KeyPairPaths): boolean {
  const key = peekPublicKey(publicPath);
  return key !== null && findWeakness(key) === null && existsSync(privatePath);
}

/** null for a file that can't be read or is no public key: the search goes on without it. */
function peekPublicKey(path: string): PublicKey | null {
  try {
    return parsePublicKey(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function describeWeakKey(key: PublicKey): string[] {
  const weakness = findWeakness(key);
  if (weakness === null) return [];
  return [
    `not used from ssh-agent: ${escapeText(key.comment || key.fingerprint, { singleLine: true })}: ${weakness}`,
  ];
}
