/** Opens a rescue. What is in it was written by a machine that may mean harm, so it is taken file by file or not at all. */
import {
  closeSync,
  createReadStream,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { readSummary } from '../domain/read-rescue.ts';
import {
  defaultRescueLimits,
  type Rescue,
  type RescueStore,
  type RescueSummary,
  rescueFiles,
  rescueSummaryName,
  type UnpackedRescue,
} from '../domain/rescue.ts';
import { toFileError } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';
import { quoteCommand } from '../lib/shell-quote.ts';
import type { HomePaths } from './home.ts';
import { ownRecipient, readOwnIdentity } from './rescue-keys.ts';

type UnpackOptions = Parameters<RescueStore['unpack']>[1];

const mostFiles = 500_000;
const mostSummaryBytes = 64 * 1024 * 1024;
/** Whoever has a machine send more has it stopped before; a file from elsewhere may still be too much for a disk. */
const mostBytes = 100 * defaultRescueLimits.maxHistoryBytes;

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
      const summary = await unpack(rescue, plain.stream, directory);
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

type ArchiveEntry = AsyncIterable<Uint8Array> & { header: Header };

/** @returns null where the end is missing */
async function unpack(
  rescue: Rescue,
  stream: AsyncIterable<Uint8Array>,
  directory: string,
): Promise<RescueSummary | null> {
  const archive = extract();
  const source = Readable.from(stream);
  source.on('error', (error) => archive.destroy(error));
  source.pipe(archive as unknown as NodeJS.WritableStream);
  let summary: RescueSummary | null = null;
  const count = { files: 0, bytes: 0 };
  for await (const entry of archive as AsyncIterable<ArchiveEntry>) {
    const { header } = entry;
    count.files++;
    count.bytes += header.size ?? 0;
    if (summary !== null) throw refused(rescue, header, 'comes after the end');
    if (count.files > mostFiles || count.bytes > mostBytes) throw refused(rescue, header, 'is one too many');
    const parts = checkName(rescue, header);
    if (header.name === rescueSummaryName) summary = await readSummaryEntry(rescue, header, entry);
    else await writeEntry(directory, parts, header, entry);
  }
  return summary;
}

const patches: readonly string[] = [rescueFiles.commits, rescueFiles.staged, rescueFiles.changes];

/** @returns the parts of a path that leads nowhere but into the folder, and to nothing that git would believe */
function checkName(rescue: Rescue, header: Header): string[] {
  const { name, type } = header;
  if (type !== 'file' && type !== 'contiguous-file') throw refused(rescue, header, `is a ${type}`);
  if (name === rescueSummaryName) return [name];
  const parts = name.split('/');
  const [directory = '', kind = '', ...rest] = parts;
  if (name.length > 4_000 || /[\0]/.test(name) || parts.some((part) => ['', '.', '..'].includes(part)))
    throw refused(rescue, header, 'leads out of the folder');
  if (!/^[A-Za-z0-9_+][A-Za-z0-9._+-]{0,120}$/.test(directory))
    throw refused(rescue, header, 'is no name of a repository');
  if (rest.length === 0 ? !patches.includes(kind) : kind !== rescueFiles.untracked)
    throw refused(rescue, header, 'has no place in a rescue');
  // Some file systems take other spellings for the same name.
  if (rest.some((part) => /^(?:\.git|git~\d+)[. ]*$/i.test(part.replaceAll(/\p{Cf}/gu, ''))))
    throw refused(rescue, header, 'would be a repository of its own');
  return parts;
}

async function readSummaryEntry(
  rescue: Rescue,
  header: Header,
  entry: AsyncIterable<Uint8Array>,
): Promise<RescueSummary> {
  if ((header.size ?? 0) > mostSummaryBytes) throw refused(rescue, header, 'is too large');
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  const summary = readSummary(Buffer.concat(chunks).toString('utf8'));
  if (summary) return summary;
  throw refused(rescue, header, 'is not what it should be');
}

async function writeEntry(
  directory: string,
  parts: readonly string[],
  header: Header,
  entry: AsyncIterable<Uint8Array>,
): Promise<void> {
  const path = join(directory, ...parts);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const isProgram = ((header.mode ?? 0) & 0o100) !== 0;
  const fd = openNew(path, isProgram ? 0o700 : 0o600);
  try {
    for await (const chunk of entry) for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
  } finally {
    closeSync(fd);
  }
}

/** Beside one that is there: names that differ by a capital are the same on some file systems. */
function openNew(path: string, mode: number): number {
  for (let nth = 1; ; nth++) {
    try {
      return openSync(nth === 1 ? path : `${path}~${nth}`, 'wx', mode);
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST' || nth > 100) throw error;
    }
  }
}

function refused({ name }: Rescue, header: Header, why: string): SpuffError {
  const shown = escapeText(header.name.slice(0, 200), { singleLine: true });
  return new SpuffError('state', `${name} was not unpacked: ${JSON.stringify(shown)} in it ${why}`, {
    hints: ['a machine of yours would not send that: look at what ran on it'],
  });
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
