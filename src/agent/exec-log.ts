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
import { readText } from './read-file.ts';
import { redactArguments, redactText } from './redact.ts';

/** Two lines a command, with the same id: one before it starts, one when it has ended. */
type LogLine =
  | { event: 'start'; id: string; at: string; user: string; argv: string[]; cwd: string | null }
  | {
      event: 'end';
      id: string;
      at: string;
      outcome: ExecOutcome;
      exitCode: number | null;
      signal: string | null;
      durationMs: number;
    };

type Entry = AgentResponse<'execLog'>['entries'][number];

/** Most arguments that are written down of one command. */
const keptArguments = 64;

/** One file holds at most this, and one older file is kept. */
const defaultMaxBytes = 4 * 1024 * 1024;

export interface ExecLog {
  /** What was asked for, on disk before the command starts. Never throws: see `problem`. */
  start(command: { id: string; user: string; argv: readonly string[]; cwd: string | null }): void;
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

export function createExecLog(path: string, options: { maxBytes?: number } = {}): ExecLog {
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  let problem: string | null = null;
  const append = (line: LogLine) => {
    try {
      appendLine(path, `${JSON.stringify(line)}\n`, maxBytes);
      problem = null;
    } catch (error) {
      // A full disk must not take the agent away from the person who wants to clean it up.
      problem = `the log of commands can't be written (${systemErrorCode(error) ?? 'unknown error'})`;
    }
  };
  return {
    start({ id, user, argv, cwd }) {
      const kept = redactArguments(argv.slice(0, keptArguments));
      if (argv.length > keptArguments) kept.push(`[cut: ${argv.length} arguments]`);
      append({ event: 'start', id, at: now(), user, argv: kept, cwd: cwd === null ? null : redactText(cwd) });
    },
    end({ id, outcome, exitCode, signal, durationMs }) {
      append({ event: 'end', id, at: now(), outcome, exitCode, signal, durationMs });
    },
    read: (limit, running) => readEntries(path, limit, running),
    get problem() {
      return problem;
    },
  };
}

function now(): string {
  return new Date().toISOString();
}

function appendLine(path: string, line: string, maxBytes: number): void {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
  const fd = openSync(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_RDWR, 0o640);
  try {
    const { size, mode } = fstatSync(fd);
    if ((mode & 0o777) !== 0o640) fchmodSync(fd, 0o640);
    if (size + line.length > maxBytes && size > 0) {
      renameSync(path, `${path}.1`);
      appendLine(path, line, maxBytes);
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

function endsInLine(fd: number, size: number): boolean {
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

function readEntries(path: string, limit: number, running: ReadonlySet<string>): AgentResponse<'execLog'> {
  const entries = new Map<string, Entry>();
  let damagedLines = 0;
  for (const file of [`${path}.1`, path]) {
    for (const text of (readText(file) ?? '').split('\n')) {
      if (text === '') continue;
      const line = parseLine(text);
      if (line === null) damagedLines++;
      else if (line.event === 'start') entries.set(line.id, toEntry(line, running));
      else finishEntry(entries.get(line.id), line);
    }
  }
  return { entries: [...entries.values()].reverse().slice(0, limit), damagedLines };
}

function parseLine(text: string): LogLine | null {
  try {
    const line = JSON.parse(text) as Partial<LogLine> | null;
    const isWhole =
      typeof line?.id === 'string' &&
      (line.event === 'end' || (line.event === 'start' && Array.isArray(line.argv)));
    return isWhole ? (line as LogLine) : null;
  } catch {
    return null;
  }
}

function toEntry(line: Extract<LogLine, { event: 'start' }>, running: ReadonlySet<string>): Entry {
  const { id, user, argv, cwd, at } = line;
  // A start without an end that is not running now: the agent or the machine went down meanwhile.
  const outcome = running.has(id) ? null : 'unknown';
  return {
    id,
    user,
    argv,
    cwd,
    startedAt: at,
    endedAt: null,
    outcome,
    exitCode: null,
    signal: null,
    durationMs: null,
  };
}

function finishEntry(entry: Entry | undefined, line: Extract<LogLine, { event: 'end' }>): void {
  if (!entry) return;
  const { at, outcome, exitCode, signal, durationMs } = line;
  Object.assign(entry, { endedAt: at, outcome, exitCode, signal, durationMs });
}
