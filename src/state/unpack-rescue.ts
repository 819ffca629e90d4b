/** Opens a rescue: decrypts it, and has what is in it written to a folder of its own, or nothing. */
import { createReadStream, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import type { Rescue, RescueStore, UnpackedRescue } from '../domain/rescue.ts';
import { toFileError } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';
import { quoteCommand } from '../lib/shell-quote.ts';
import type { HomePaths } from './home.ts';
import { ownRecipient, readOwnIdentity } from './rescue-keys.ts';
import { unpackArchive } from './unpack-archive.ts';

type UnpackOptions = Parameters<RescueStore['unpack']>[1];

/** As `RescueStore.unpack` says. */
export async function unpackRescue(
  paths: HomePaths,
  rescue: Rescue,
  options: UnpackOptions,
): Promise<UnpackedRescue> {
  const { directory } = options;
  const isNew = prepareDirectory(directory);
  try {
    const plain = await decrypt(paths, rescue, options);
    try {
      const summary = await unpackArchive(rescue, plain.stream, directory);
      await plain.end();
      if (summary !== null) return { directory, summary };
      throw new SpuffError('state', `${rescue.name} is not whole: its end is missing`);
    } finally {
      plain.stop();
    }
  } catch (error) {
    clear(directory, isNew);
    throw explain(error, rescue, options);
  }
}

/** @returns whether it was made @throws SpuffError `conflict` unless it is empty */
function prepareDirectory(directory: string): boolean {
  try {
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (!stat) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return true;
    }
    if (stat.isDirectory() && readdirSync(directory).length === 0) return false;
  } catch (error) {
    throw toFileError(error, `use ${directory}`);
  }
  throw new SpuffError('conflict', `${directory} is there already, and nothing in it may be overwritten`, {
    hints: ['name a folder that is new, or empty: --to DIR'],
  });
}

function clear(directory: string, isNew: boolean): void {
  if (isNew) rmSync(directory, { recursive: true, force: true });
  else
    for (const name of readdirSync(directory))
      rmSync(join(directory, name), { recursive: true, force: true });
}

interface Plain {
  stream: AsyncIterable<Uint8Array>;
  /** Fails where the stream ended before its time. */
  end(): Promise<void>;
  /** Lets go of whatever is still open. */
  stop(): void;
}

async function decrypt(paths: HomePaths, rescue: Rescue, options: UnpackOptions): Promise<Plain> {
  if (options.identityPath !== null) return decryptWithAge(rescue, options.identityPath, options.signal);
  const identity = rescue.recipients.includes(ownRecipient) ? await readOwnIdentity(paths) : null;
  if (identity === null) throw needsIdentity(rescue);
  const age = await import('age-encryption');
  const decrypter = new age.Decrypter();
  decrypter.addIdentity(identity.reveal());
  const file = createReadStream(rescue.path);
  const stream = await decrypter.decrypt(Readable.toWeb(file) as ReadableStream<Uint8Array>);
  return { stream, end: async () => undefined, stop: () => file.destroy() };
}

/** A private key of the user's is never opened by spuff: `age` asks for its passphrase, or for the touch of a token. */
async function decryptWithAge(rescue: Rescue, identityPath: string, signal: AbortSignal): Promise<Plain> {
  const child = await startProcess(['age', '--decrypt', '--identity', identityPath, rescue.path], {
    stdio: ['inherit', 'pipe', 'inherit'],
  }).catch((error: unknown) => {
    if (!(error instanceof SpuffError) || error.code !== 'unavailable') throw error;
    throw new SpuffError('unavailable', `${error.message}: it is what opens a rescue with a key of yours`, {
      hints: ['install it: https://age-encryption.org', `or unpack it elsewhere: ${commandFor(rescue)}`],
      cause: error,
    });
  });
  const stop = () => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const ended = new Promise<number>((resolve) => {
    child.once('close', (code, signalName) => resolve(exitCodeOf(code, signalName)));
  });
  return {
    stream: child.stdout ?? Readable.from([]),
    end: async () => {
      if ((await ended) !== 0) throw notOpened(rescue);
    },
    stop: () => {
      signal.removeEventListener('abort', stop);
      stop();
    },
  };
}

function needsIdentity({ name, recipients }: Rescue): SpuffError {
  const own = recipients.includes(ownRecipient);
  const why = own ? 'the key that spuff made for it is not there any more' : 'only a key of yours opens it';
  const keys = recipients.map((one) => escapeText(one.slice(0, 60), { singleLine: true })).join(', ');
  return new SpuffError('auth', `${name} can't be opened: ${why}`, {
    hints: own
      ? ['look in a backup for keys/rescue.agekey, and name it: --identity FILE']
      : [`name the private half of ${keys}: --identity FILE`],
  });
}

function notOpened({ name }: Rescue): SpuffError {
  return new SpuffError('auth', `age did not decrypt all of ${name}`, {
    hints: ['name the private half of the key that it was encrypted to: --identity FILE'],
  });
}

function commandFor({ path }: Rescue): string {
  return `${quoteCommand(['age', '--decrypt', '--identity', 'KEY', path])} | tar -x`;
}

function explain(error: unknown, rescue: Rescue, { signal }: UnpackOptions): unknown {
  if (signal.aborted)
    return new SpuffError('interrupted', `unpacking ${rescue.name} was stopped`, { cause: error });
  if (error instanceof SpuffError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/no identity matched/.test(message)) return needsIdentity({ ...rescue, recipients: [ownRecipient] });
  if (systemErrorCode(error)?.startsWith('E')) return toFileError(error, `unpack ${rescue.name}`);
  return new SpuffError('state', `${rescue.name} is damaged: ${escapeText(message, { singleLine: true })}`, {
    hints: [`look for another one: spuff rescued list`],
    cause: error,
  });
}
