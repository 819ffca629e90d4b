/** A pair of key files of the user's. The private half is looked at, and left to ssh and ssh-keygen to open. */
import { readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { toFileError } from '../lib/atomic-file.ts';
import { runProcess } from '../lib/process.ts';
import { findWeakness, type PublicKey, parsePublicKey } from '../lib/public-key.ts';
import { quoteArgument } from '../lib/shell-quote.ts';

export interface KeyPairPaths {
  publicPath: string;
  privatePath: string;
}

/** Takes either half's path; `~` is the user's home. */
export function toKeyPairPaths(path: string, userHome = homedir()): KeyPairPaths {
  const whole = path === '~' || path.startsWith('~/') ? join(userHome, path.slice(1)) : path;
  const privatePath = (isAbsolute(whole) ? whole : resolve(whole)).replace(/\.pub$/, '');
  return { privatePath, publicPath: `${privatePath}.pub` };
}

/**
 * Reads the public half.
 * @throws SpuffError `config` when it is missing, is no public key, or is too weak; it says how to make it
 */
export function readPublicHalf({ publicPath, privatePath }: KeyPairPaths): PublicKey {
  let text: string;
  try {
    text = readFileSync(publicPath, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw toFileError(error, `read ${publicPath}`);
    throw missingHalf(publicPath, privatePath, error);
  }
  const key = parsePublicKey(text);
  if (!key) {
    throw new SpuffError('config', `${publicPath} does not hold one OpenSSH public key`, {
      hints: [`write it anew: ssh-keygen -y -f ${quoteArgument(privatePath)} > ${quoteArgument(publicPath)}`],
    });
  }
  const weakness = findWeakness(key);
  if (weakness === null) return key;
  throw new SpuffError('config', `${publicPath} is too weak to log in with: ${weakness}`, {
    hints: ['make a new one: ssh-keygen -t ed25519', 'or let spuff make one of its own: spuff init'],
  });
}

function missingHalf(publicPath: string, privatePath: string, cause: unknown): SpuffError {
  if (!statOf(privatePath)) {
    return new SpuffError('config', `there is no SSH key at ${publicPath}`, {
      hints: ['make one: ssh-keygen -t ed25519', 'or let spuff make one of its own: spuff init'],
      cause,
    });
  }
  return new SpuffError('config', `${privatePath} has no public half beside it`, {
    hints: [`write it: ssh-keygen -y -f ${quoteArgument(privatePath)} > ${quoteArgument(publicPath)}`],
    cause,
  });
}

/**
 * Looks at the private half without opening it. Links are followed: what they lead to counts.
 * @returns false when there is none here
 * @throws SpuffError `permission` when others can read it, or it isn't the user's own; it names the command that mends it
 */
export function checkPrivateHalf(privatePath: string): boolean {
  const stat = statOf(privatePath);
  if (!stat) return false;
  const path = realpathSync(privatePath);
  const linked = path === privatePath ? '' : `, which ${privatePath} leads to`;
  if (!stat.isFile()) throw new SpuffError('config', `${path}${linked} is not a file`);
  if (process.getuid !== undefined && stat.uid !== process.getuid()) {
    throw new SpuffError('permission', `the private key ${path}${linked} belongs to another user`, {
      hints: ['use a key of your own: spuff config set ssh_key ~/.ssh/id_ed25519.pub'],
    });
  }
  if ((stat.mode & 0o077) === 0) return true;
  const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
  throw new SpuffError('permission', `the private key ${path}${linked} can be read by others (${mode})`, {
    hints: [`close it: chmod 600 ${quoteArgument(path)}`],
  });
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    throw toFileError(error, `look at ${path}`);
  }
}

/**
 * Whether the private half can be used by whoever gets the file, asked of ssh-keygen, and whether both halves belong
 * together, which is only known then.
 * @throws SpuffError `config` for halves of two keys
 */
export async function hasNoPassphrase(
  { publicPath, privatePath }: KeyPairPaths,
  key: PublicKey,
): Promise<boolean> {
  // The private half of a security key is a handle: worthless without the token.
  if (key.type.startsWith('sk-')) return false;
  const result = await runProcess(['ssh-keygen', '-y', '-P', '', '-f', privatePath], { timeoutMs: 10_000 });
  if (result.exitCode !== 0) return false;
  const derived = parsePublicKey(result.stdout.trim());
  if (derived !== null && derived.line !== key.line) {
    throw new SpuffError('config', `${publicPath} is not the public half of ${privatePath}`, {
      hints: [`write it anew: ssh-keygen -y -f ${quoteArgument(privatePath)} > ${quoteArgument(publicPath)}`],
    });
  }
  return true;
}
