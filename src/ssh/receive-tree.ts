/**
 * Takes files from a machine that may mean harm. What it sends is an archive that is unpacked by name: only what was asked
 * for, each once, below the folder. rsync would have the machine and this computer speak a protocol in which the far side has
 * a say in what is written where (CVE-2024-12087, CVE-2024-12088).
 */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { SpuffError } from '../domain/errors.ts';
import type { ReceivedTree, ReceiveTreeRequest, SshTarget } from '../domain/ssh.ts';
import { toFileError } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import { type Placed, placeFile, placeLink } from '../lib/place-file.ts';
import type { SshContext } from './argv.ts';
import { runProgram } from './run-program.ts';

/** Fixed text; the names come on standard input. A file with two names is sent twice: no entry refers to another. */
const packScript = `cd -- "$1" && exec tar -c --format=pax --null --no-recursion --verbatim-files-from \\
  --hard-dereference --ignore-failed-read -T - -f -`;

type Entry = AsyncIterable<Uint8Array> & { header: Header };

/**
 * @throws SpuffError `agent` when the machine sends something else than what was asked for; `connection` and the others of a
 * login, `interrupted`, `permission` when a file can't be written here
 */
export async function receiveTree(
  target: SshTarget,
  context: SshContext,
  request: ReceiveTreeRequest,
  options: { signal?: AbortSignal },
): Promise<ReceivedTree> {
  const stream = new PassThrough();
  let failure: unknown = null;
  const outcomes = new Map<string, Placed>();
  const unpacking = unpack(target, request, stream, outcomes).catch((error: unknown) => {
    failure = error;
    stream.destroy();
  });
  const onOutput = async (chunk: Uint8Array) => {
    if (failure === null && !stream.write(chunk))
      await Promise.race([once(stream, 'drain').catch(() => undefined), unpacking]);
    if (failure !== null) throw failure;
  };
  const stdin = request.paths.map((path) => `./${path}\0`).join('');
  const argv = ['sh', '-c', packScript, 'spuff-sync', request.folder];
  try {
    const { exitCode, stderr } = await runProgram(target, context, argv, { ...options, stdin, onOutput });
    stream.end();
    await unpacking;
    if (failure !== null) throw failure;
    if (exitCode > 1) throw packFailed(target, stderr);
    return { outcomes };
  } finally {
    stream.destroy();
    await unpacking;
  }
}

function packFailed({ name }: SshTarget, stderr: string): SpuffError {
  const said = escapeText(stderr.trim().split('\n').slice(0, 3).join('; '), { singleLine: true });
  return new SpuffError('agent', `tar on ${name} could not read all files: ${said}`, {
    hints: ['look at the folder there, then try again: what has arrived is not brought again'],
  });
}

async function unpack(
  target: SshTarget,
  request: ReceiveTreeRequest,
  stream: PassThrough,
  outcomes: Map<string, Placed>,
): Promise<void> {
  const wanted = new Set(request.paths);
  const room = { bytes: slackBytes + [...request.sizes.values()].reduce((sum, size) => sum + size, 0) };
  const archive = extract();
  stream.on('error', (error) => archive.destroy(error));
  stream.on('close', () => archive.destroy());
  stream.pipe(archive as unknown as NodeJS.WritableStream);
  for await (const entry of archive as AsyncIterable<Entry>) {
    const path = entry.header.name.replace(/^\.\//, '');
    if (!wanted.delete(path)) throw notAsked(target, path);
    outcomes.set(path, await place(target, request, path, entry, room));
  }
}

async function place(
  target: SshTarget,
  { root, mayReplace }: ReceiveTreeRequest,
  path: string,
  entry: Entry,
  room: { bytes: number },
): Promise<Placed> {
  const { type, linkname, mode = 0, mtime = new Date(0) } = entry.header;
  try {
    if (type === 'symlink' && linkname) {
      for await (const _ of entry) throw notAsked(target, path);
      return placeLink({ root, path, mayReplace }, linkname);
    }
    if (type !== 'file' && type !== 'contiguous-file') throw notAsked(target, path);
    const content = upTo(entry, room, () => tooMuch(target, path));
    return await placeFile({ root, path, mayReplace }, content, {
      isProgram: (mode & 0o100) !== 0,
      changedAt: mtime,
    });
  } catch (error) {
    throw toFileError(error, `write ${escapeText(path, { singleLine: true })}`);
  }
}

/** Files may have grown since they were listed, by this much together. */
const slackBytes = 64 * 1024 * 1024;

/** A disk is not filled by files that were listed as small. */
async function* upTo(
  entry: Entry,
  room: { bytes: number },
  refusal: () => SpuffError,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of entry) {
    room.bytes -= chunk.length;
    if (room.bytes < 0) throw refusal();
    yield chunk;
  }
}

function tooMuch({ name }: SshTarget, path: string): SpuffError {
  const shown = escapeText(path, { singleLine: true }).slice(0, 200);
  return new SpuffError(
    'agent',
    `${name} sends far more than it had listed, at ${JSON.stringify(shown)}: the sync was stopped`,
    {
      hints: ['what grows there while it is brought is better brought later: look at it first'],
    },
  );
}

function notAsked({ name }: SshTarget, path: string): SpuffError {
  const shown = escapeText(path, { singleLine: true }).slice(0, 200);
  return new SpuffError(
    'agent',
    `${name} sends ${JSON.stringify(shown)}, which was not asked for: the sync was stopped`,
    {
      hints: [
        `the tar on ${name} is not what it should be: look at what was done there before you trust its files`,
      ],
    },
  );
}
