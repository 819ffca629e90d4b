/**
 * Another user of this computer, who looks again and again at all that the system shows to everybody: the arguments and
 * environments of processes, and the directories that are shared; or root, who looks at processes alone. Prints a line a round. When its input ends, it looks
 * once more, and tells which of the texts in that input (JSON: a list of texts for each name) it has seen, and where.
 */
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

const isRoot = process.getuid?.() === 0;
const ownProcesses = readlinkSync('/proc/self/ns/pid');
/** Root would find too much in shared directories. */
const sharedDirectories = isRoot ? [] : ['/tmp', '/var/tmp', '/run', '/dev/shm'];
/** Trees that are larger than this, or become so, are left to the last round, or there would be few rounds. */
const mostEntries = 500;
const mostBytes = 16 * 1024 * 1024;
/** Between rounds, for one who is not alone on the computer. */
const pauseMs = Number(process.env['PAUSE_MS'] ?? 0);

/** Everything that was seen, once, and where first. */
const seen = new Map<string, string>();
/** The state in which a file was last seen. */
const fileStates = new Map<string, string>();
/** What a file that has changed held last. */
const fileTexts = new Map<string, string>();
const largeTrees = new Set<string>();

/** null for what is closed to this user, or gone. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function keep(text: string | null, where: string): void {
  if (text !== null && text !== '' && !seen.has(text)) seen.set(text, where);
}

function lookAtProcesses(): void {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    // What runs on a machine of this computer is looked at there.
    if (isRoot && attempt(() => readlinkSync(`/proc/${pid}/ns/pid`)) !== ownProcesses) continue;
    const read = (name: string) => attempt(() => readFileSync(`/proc/${pid}/${name}`, 'latin1'));
    const argv = read('cmdline');
    keep(argv, `/proc/${pid}/cmdline`);
    const program = argv?.split('\0', 3).join(' ') ?? '';
    keep(read('environ'), `/proc/${pid}/environ of ${program}`);
  }
}

/** Calls `take` for each file; gives the number of entries. */
function walk(directory: string, take: (path: string, stat: Stats) => void, skipped = largeTrees): number {
  let count = 0;
  for (const name of attempt(() => readdirSync(directory)) ?? []) {
    const path = `${directory}/${name}`;
    const stat = attempt(() => lstatSync(path));
    count += 1;
    if (stat?.isDirectory() && !skipped.has(path)) {
      const inside = walk(path, take, skipped);
      count += inside;
      if (inside > mostEntries && sharedDirectories.includes(directory)) largeTrees.add(path);
    }
    // Not pipes and sockets: opening those may wait, or wake somebody.
    if (stat?.isFile()) take(path, stat);
  }
  return count;
}

function stateOf({ ino, size, ctimeMs }: Stats): string {
  return `${ino} ${size} ${ctimeMs}`;
}

/** Of what has been there before, only what has changed since tells of this run. */
function rememberFile(path: string, stat: Stats): void {
  fileStates.set(path, stateOf(stat));
}

function lookAtFile(path: string, stat: Stats): void {
  const state = stateOf(stat);
  if (fileStates.get(path) === state) return;
  fileStates.set(path, state);
  keep(path, `the name of ${path}`);
  const text = attempt(() => readStart(path));
  const former = fileTexts.get(path);
  // A log that grows is kept once.
  if (former !== undefined && text?.startsWith(former)) seen.delete(former);
  if (text !== null) fileTexts.set(path, text);
  keep(text, path);
}

function readStart(path: string): string {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(mostBytes, lstatSync(path).size + 65_536));
    return buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(file);
  }
}

for (const directory of sharedDirectories) {
  for (const name of attempt(() => readdirSync(directory)) ?? []) {
    const path = `${directory}/${name}`;
    if (walk(path, rememberFile) > mostEntries) largeTrees.add(path);
  }
}

let input = '';
let hasEnded = false;
process.stdin.setEncoding('utf8').on('data', (text: string) => {
  input += text;
});
process.stdin.on('end', () => {
  hasEnded = true;
});

let rounds = 0;
while (!hasEnded) {
  lookAtProcesses();
  for (const directory of sharedDirectories) walk(directory, lookAtFile);
  rounds += 1;
  process.stdout.write('round\n');
  await (pauseMs > 0 ? delay(pauseMs) : nextTurn());
}
for (const directory of sharedDirectories) walk(directory, lookAtFile, new Set());

const wanted = Object.entries(JSON.parse(input) as Record<string, string[]>);
const found = wanted.map(([name, forms]) => {
  const hits = [...seen].filter(([text]) => forms.some((form) => text.includes(form)));
  return [name, hits.map(([, where]) => where)] as const;
});
process.stdout.write(`${JSON.stringify({ rounds, texts: seen.size, found: Object.fromEntries(found) })}\n`);
