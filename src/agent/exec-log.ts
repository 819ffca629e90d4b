import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { systemErrorCode } from '../domain/errors.ts';
import type { AgentResponse, ExecOutcome } from '../protocol/response-schemas.ts';
import { AgentError } from './agent-error.ts';
import { type LogLine, logFiles, readEntries, readLastNumber } from './read-exec-log.ts';
import { redactArguments, redactText } from './redact.ts';

/**
 * What a command line takes of its entry at most, and its folder: long arguments must not be a way to push earlier
 * entries off the disk.
 */
const argumentBytes = 1_536;
const folderBytes = 256;

/** One file holds at most this. */
const defaultMaxBytes = 4 * 1024 * 1024;

/** The file that is written to, and the older ones. */
const keptFiles = 4;

export interface ExecLog {
  /**
   * What was asked for, on disk and in the journal before the command starts.
   * @throws AgentError `unavailable` when it can't be written: then the command must not be run
   */
  start(command: { id: string; user: string; argv: readonly string[]; cwd: string | null }): void;
  /** Never throws: see `problem`. */
  end(result: {
    id: string;
    outcome: ExecOutcome;
    exitCode: number | null;
    signal: string | null;
    durationMs: number;
  }): void;
  /** The newest first. `running`: the ids that have not ended, as far as this process knows. */
  read(limit: number, running: ReadonlySet<string>): AgentResponse<'execLog'>;
  /** Why the last line could not be written, or null. */
  readonly problem: string | null;
}

/**
 * @param options.journal gets each line as well, in the words of the file: the journal is another's, whom nobody who gets
 * hold of this process can make forget
 */
export function createExecLog(
  path: string,
  options: { journal?: (line: string) => void; maxBytes?: number } = {},
): ExecLog {
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const files = logFiles(path, keptFiles);
  let problem: string | null = null;
  let lastNumber: number | null = null;
  const append = (line: LogLine) => {
    const text = JSON.stringify(line);
    options.journal?.(text);
    try {
      appendLine(files, `${text}\n`, maxBytes);
      problem = null;
    } catch (error) {
      problem = `the log of commands can't be written (${systemErrorCode(error) ?? 'unknown error'})`;
    }
  };
  return {
    start({ id, user, argv, cwd }) {
      lastNumber ??= readLastNumber(files);
      const kept = fitArguments(argv);
      const folder = cwd === null ? null : fitText(redactText(cwd), folderBytes);
      append({ event: 'start', id, n: lastNumber + 1, at: now(), user, argv: kept, cwd: folder });
      if (problem !== null) {
        throw new AgentError('unavailable', `commands are not run while ${problem}`, {
          hint: 'look at /var/log/spuff and the space on its disk, over SSH',
        });
      }
      lastNumber++;
    },
    end({ id, outcome, exitCode, signal, durationMs }) {
      append({ event: 'end', id, at: now(), outcome, exitCode, signal, durationMs });
    },
    read: (limit, running) => readEntries(files, limit, running),
    get problem() {
      return problem;
    },
  };
}

function now(): string {
  return new Date().toISOString();
}

/** The redacted arguments as far as they fit, and then a mark that says how much there was. */
function fitArguments(argv: readonly string[]): string[] {
  const kept: string[] = [];
  let left = argumentBytes;
  for (const argument of redactArguments(argv)) {
    const fitting = fitText(argument, left);
    left -= jsonBytes(fitting);
    kept.push(fitting);
    if (fitting === argument && left > 0) continue;
    const characters = argv.reduce((sum, { length }) => sum + length, 0);
    kept.push(`[cut: ${argv.length} arguments, ${characters} characters]`);
    break;
  }
  return kept;
}

/** As much of a text as takes `bytes` in JSON, with a mark when that is not all. */
function fitText(text: string, bytes: number): string {
  if (jsonBytes(text) <= bytes) return text;
  let kept = text.slice(0, Math.max(0, bytes));
  while (kept !== '' && jsonBytes(kept) > bytes) kept = kept.slice(0, Math.floor(kept.length * 0.8));
  return `${kept}[cut]`;
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) + 1;
}

function appendLine(files: readonly string[], line: string, maxBytes: number): void {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
  const [path = ''] = files;
  const fd = openSync(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_RDWR, 0o640);
  try {
    const { size, mode } = fstatSync(fd);
    if ((mode & 0o777) !== 0o640) fchmodSync(fd, 0o640);
    if (size + Buffer.byteLength(line) + 1 > maxBytes && size > 0) {
      moveOn(files);
      appendLine(files, line, maxBytes);
      return;
    }
    // A crash or a full disk may have cut the last line short: the new one must not become part of it.
    const bytes = Buffer.from(endsInLine(fd, size) ? line : `\n${line}`);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Gives each file the next older name; the oldest one is lost. */
function moveOn(files: readonly string[]): void {
  for (let index = files.length - 1; index > 0; index--) {
    try {
      renameSync(files[index - 1] ?? '', files[index] ?? '');
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  }
}

function endsInLine(fd: number, size: number): boolean {
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] === 0x0a;
}
