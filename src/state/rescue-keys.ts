/** The keys that rescues are encrypted to. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Encrypter } from 'age-encryption';
import { SpuffError } from '../domain/errors.ts';
import { Secret } from '../domain/secret.ts';
import {
  makePrivateDirectory,
  readPrivateFile,
  toFileError,
  writeFileAtomically,
} from '../lib/atomic-file.ts';
import { parsePublicKey } from '../lib/public-key.ts';
import type { HomePaths } from './home.ts';
import { leastRsaBits, sshRecipient } from './ssh-recipient.ts';

/** In the list of a rescue's recipients: a key that spuff made, and keeps. */
export const ownRecipient = 'own';

type Age = typeof import('age-encryption');

/**
 * Adds those that a file is to be encrypted to.
 * @param wanted `age1…` or paths of public SSH keys; null: spuff's own
 * @returns what to write down of each
 * @throws SpuffError `config` naming what is no recipient
 */
export async function addRecipients(
  encrypter: Encrypter,
  wanted: readonly string[] | null,
  { age, paths }: { age: Age; paths: HomePaths },
): Promise<string[]> {
  if (wanted === null) {
    const identity = (await readOwnIdentity(paths)) ?? (await makeOwnIdentity(age, paths));
    encrypter.addRecipient(await age.identityToRecipient(identity.reveal()));
    return [ownRecipient];
  }
  return wanted.map((one) =>
    one.startsWith('age1') ? addNative(encrypter, one) : addSsh(encrypter, one, age),
  );
}

function addNative(encrypter: Encrypter, recipient: string): string {
  try {
    encrypter.addRecipient(recipient);
    return recipient;
  } catch (error) {
    throw notARecipient(recipient, 'it is no recipient of age', error);
  }
}

function addSsh(encrypter: Encrypter, path: string, age: Age): string {
  const full = path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
  const key = parsePublicKey(readPublicFile(full));
  if (key === null) throw notARecipient(path, 'it holds no public key of SSH');
  if (key.type === 'ssh-rsa' && key.bits < leastRsaBits)
    throw notARecipient(path, `its key has ${key.bits} bits, and less than ${leastRsaBits} are too few`);
  const recipient = sshRecipient(key.line, (args, body) => new age.Stanza(args, body));
  if (recipient === null) throw notARecipient(path, `age can't encrypt to a key of the type ${key.type}`);
  encrypter.addRecipient(recipient);
  return key.line;
}

function readPublicFile(path: string): string {
  // Its private half is never opened, also where somebody names that by mistake.
  if (!path.endsWith('.pub')) throw notARecipient(path, 'the name of a public key ends in .pub');
  try {
    return readFileSync(path, 'utf8').slice(0, 20_000).trimEnd();
  } catch (error) {
    throw toFileError(error, `read ${path}, which rescue_to names`);
  }
}

function notARecipient(what: string, why: string, cause?: unknown): SpuffError {
  return new SpuffError('config', `nothing can be encrypted to ${what}, which rescue_to names: ${why}`, {
    hints: [
      'name ssh-ed25519 and ssh-rsa keys, or recipients of age: spuff config set rescue_to ~/.ssh/id_ed25519.pub',
      "or use a key of spuff's own: spuff config unset rescue_to",
    ],
    cause,
  });
}

export function ownIdentityPath(paths: HomePaths): string {
  return join(paths.keys, 'rescue.agekey');
}

/** null: there is none yet. */
export async function readOwnIdentity(paths: HomePaths): Promise<Secret | null> {
  const path = ownIdentityPath(paths);
  const text = readPrivateFile(path, 1_000);
  if (text === null) return null;
  const line = text.split('\n').find((one) => one.startsWith('AGE-SECRET-KEY-'));
  if (line !== undefined) return new Secret(line.trim());
  throw new SpuffError('state', `${path} holds no key of age`, {
    hints: [`move it away, and the next rescue makes a new one: mv ${path} ${path}.old`],
  });
}

/** 0600 from its first byte, in a folder that is the user's alone; read by `age -i` as it is. */
async function makeOwnIdentity(age: Age, paths: HomePaths): Promise<Secret> {
  const identity = new Secret(await age.generateX25519Identity());
  makePrivateDirectory(paths.home);
  makePrivateDirectory(paths.keys);
  const about = '# Opens what spuff rescued. Without it nothing does.';
  writeFileAtomically(ownIdentityPath(paths), `${about}\n${identity.reveal()}\n`);
  return identity;
}
