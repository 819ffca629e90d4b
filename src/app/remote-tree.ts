/** Looks at files of a project on its machine, and removes them. What the machine answers is believed of itself alone. */
import { SpuffError } from '../domain/errors.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { type FileFacts, type FileSign, signOf } from '../domain/sync.ts';
import { escapeText } from '../lib/escape.ts';
import type { AppContext } from './context.ts';

/** Where the files are. */
export interface RemoteFolder {
  target: SshTarget;
  folder: string;
}

/** Fixed text; the names come on standard input, each with `./` before it, so that none is an option. */
const lookScript = `cd -- "$1" 2>/dev/null || exit 0
xargs -0 -r sh -c 'exec find "$@" -maxdepth 0 -printf "%y %m %s %T@\\\\0%l\\\\0%p\\\\0" 2>/dev/null' find || :
`;

/** Everything there that git does not ignore; without a repository all there is. */
const listScript = `cd -- "$1" 2>/dev/null || exit 3
if [ -e .git ]; then
  git -c core.fsmonitor=false ls-files -z --cached --others --exclude-standard | sort -zu | sed -z 's#^#./#' |
    xargs -0 -r sh -c 'exec find "$@" -maxdepth 0 -printf "%y %m %s %T@\\0%l\\0%p\\0" 2>/dev/null' find || :
else
  find . -name .git -prune -o ! -type d -printf '%y %m %s %T@\\0%l\\0%p\\0'
fi
`;

const hashScript = `cd -- "$1" 2>/dev/null || exit 0
xargs -0 -r sha256sum -z -- 2>/dev/null || :
`;

const removeScript = `cd -- "$1" 2>/dev/null || exit 0
exec xargs -0 -r rm -f --
`;

const removeFoldersScript = `cd -- "$1" 2>/dev/null || exit 0
exec xargs -0 -r rmdir --ignore-fail-on-non-empty -- 2>/dev/null || :
`;

const mostAnswerBytes = 1024 * 1024 * 1024;

export interface RemoteFile extends Pick<FileFacts, 'kind' | 'size' | 'changedAt' | 'leadsTo' | 'isProgram'> {
  sign: FileSign;
}

/** What some paths are like there; one that is not there is not in the answer. */
export async function lookAtFiles(
  context: AppContext,
  where: RemoteFolder,
  paths: Iterable<string>,
): Promise<Map<string, RemoteFile>> {
  const answer = await runScript(context, where, lookScript, paths);
  return parseLook(answer);
}

/** @throws SpuffError `agent` for an answer that is none */
export function parseLook(answer: Buffer): Map<string, RemoteFile> {
  const words = answer.toString('utf8').split('\0');
  const files = new Map<string, RemoteFile>();
  for (let at = 0; at + 2 < words.length; at += 3) {
    const said = /^(\S) ([0-7]+) (\d+) (-?\d+)\.(\d{9})\d*$/.exec(words[at] ?? '');
    const path = words[at + 2] ?? '';
    if (said === null || !path.startsWith('./')) throw oddAnswer();
    const [, letter = '', mode = '', size = '', seconds = '', fraction = ''] = said;
    const facts = {
      kind: kinds[letter] ?? 'other',
      isProgram: (Number.parseInt(mode, 8) & 0o100) !== 0,
      size: Number(size),
      changedAt: `${seconds}.${fraction}`,
      leadsTo: words[at + 1] ?? '',
    };
    files.set(path.slice(2), { ...facts, sign: signOf(facts) });
  }
  return files;
}

const kinds: Readonly<Record<string, FileFacts['kind']>> = { f: 'file', l: 'link', d: 'folder' };

function oddAnswer(): SpuffError {
  return new SpuffError('agent', 'the machine describes its files in a way that makes no sense', {
    hints: ['it needs findutils and coreutils of GNU: use an image of Debian or Ubuntu'],
  });
}

/** @throws SpuffError `agent` also where the folder is not there */
export async function listFiles(context: AppContext, { target, folder }: RemoteFolder) {
  return parseLook(await runThere(context, target, ['sh', '-c', listScript, 'spuff-sync', folder], ''));
}

/** The SHA-256 of files there, in hex; one that can't be read is not in the answer. */
export async function hashFiles(
  context: AppContext,
  where: RemoteFolder,
  paths: Iterable<string>,
): Promise<Map<string, string>> {
  const answer = await runScript(context, where, hashScript, paths);
  const hashes = new Map<string, string>();
  for (const line of answer.toString('utf8').split('\0')) {
    const said = /^([0-9a-f]{64}) [ *]\.\/(.+)$/s.exec(line);
    if (said?.[1] !== undefined && said[2] !== undefined) hashes.set(said[2], said[1]);
  }
  return hashes;
}

/** Removes files there, and the folders that are empty without them. */
export async function removeFiles(
  context: AppContext,
  where: RemoteFolder,
  paths: readonly string[],
): Promise<void> {
  if (paths.length === 0) return;
  await runScript(context, where, removeScript, paths);
  const folders = new Set<string>();
  for (const path of paths)
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
      folders.add(path.slice(0, at));
  const deepestFirst = [...folders].sort((one, other) => other.split('/').length - one.split('/').length);
  await runScript(context, where, removeFoldersScript, deepestFirst);
}

async function runScript(
  context: AppContext,
  { target, folder }: RemoteFolder,
  script: string,
  paths: Iterable<string>,
): Promise<Buffer> {
  const stdin = [...paths].map((path) => `./${path}\0`).join('');
  if (stdin === '') return Buffer.alloc(0);
  return runThere(context, target, ['sh', '-c', script, 'spuff-sync', folder], stdin);
}

/** Runs a program there and gives all that it prints. @throws SpuffError `agent` when it fails */
export async function runThere(
  context: AppContext,
  target: SshTarget,
  argv: readonly string[],
  stdin: string,
): Promise<Buffer> {
  const ssh = await context.ssh();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const onOutput = async (chunk: Uint8Array) => {
    size += chunk.length;
    if (size > mostAnswerBytes) throw new SpuffError('agent', `${target.name} does not stop answering`);
    chunks.push(chunk);
  };
  const { exitCode, stderr } = await ssh.run(target, argv, { stdin, onOutput, signal: context.signal });
  if (exitCode === 0) return Buffer.concat(chunks);
  const said = escapeText(stderr.trim().split('\n').slice(-3).join('; '), { singleLine: true });
  throw new SpuffError(
    'agent',
    `a step of the sync failed on ${target.name}: ${said || `status ${exitCode}`}`,
    {
      hints: ['look at the disk and the folder there, then try again'],
    },
  );
}
