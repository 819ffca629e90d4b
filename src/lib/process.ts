/** The only place that starts processes: argument arrays, never a shell, and an environment without credentials. */
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { withoutCredentials } from './credential-variables.ts';
import { escapeText } from './escape.ts';

/** What a child gets: this process's environment without any credential (S1), and `extra`, which is not filtered. */
export function childEnvironment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...withoutCredentials(process.env), ...extra };
}

/** What a short program prints, for the few callers that can't wait; null when it can't be started or fails. */
export function readProcessOutput(argv: readonly string[], env: Record<string, string> = {}): string | null {
  const [command, ...args] = argv;
  if (command === undefined) throw new TypeError('an empty argument array');
  const result = spawnSync(command, args, {
    env: childEnvironment(env),
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
    timeout: 5_000,
  });
  return result.error === undefined && result.status === 0 ? result.stdout : null;
}

export interface RunProcessOptions {
  stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  timeoutMs?: number;
  signal?: AbortSignal;
  cwd?: string;
  env?: Record<string, string>;
  /** Most bytes kept of each stream, 16 MiB unless told; what runs over is cut off the front. */
  maxBytes?: number;
  /** Gets each line of either stream as it comes. */
  onLine?: (line: string) => void;
  /** Gets standard output as it comes, none of which is kept then; the program waits for it. */
  onOutput?: (chunk: Uint8Array) => Promise<void>;
}

export interface ProcessResult {
  stdout: string;
  stderr: string;
  /** The exit status, or 128+n after signal n, as shells count. */
  exitCode: number;
  timedOut: boolean;
}

/**
 * Runs a program to its end and collects what it prints. A non-zero exit is a result, not an error. The end, by itself, by
 * `timeoutMs` or by `signal`, is not waited for longer because something that the program started holds its pipes.
 * @throws SpuffError `unavailable` when the program can't be started, `interrupted` when `signal` aborts; what `stdin`,
 * `onLine` or `onOutput` throws, once the program is ended
 */
export async function runProcess(
  argv: readonly string[],
  options: RunProcessOptions = {},
): Promise<ProcessResult> {
  const { signal, timeoutMs } = options;
  throwIfStopped(argv, signal);
  const child = await startProcess(argv, {
    ...options,
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let timedOut = false;
  const kill = () => endAtOnce(child);
  const killLate = () => {
    timedOut = true;
    kill();
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(killLate, timeoutMs);
  signal?.addEventListener('abort', kill, { once: true });
  // It may have come while the program was being started.
  if (signal?.aborted) kill();
  try {
    const [stdout, stderr, [code, signalName]] = await Promise.all([
      options.onOutput ? passOn(child.stdout, options.onOutput) : collect(child.stdout, options),
      collect(child.stderr, options),
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
      feed(child, options.stdin),
    ]);
    throwIfStopped(argv, signal);
    return { stdout, stderr, exitCode: exitCodeOf(code, signalName), timedOut };
  } catch (error) {
    kill();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
}

/** Kills the program and lets go of its pipes, which its children may hold open. */
function endAtOnce(child: ChildProcess): void {
  child.kill('SIGKILL');
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
}

function throwIfStopped(argv: readonly string[], signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new SpuffError('interrupted', `${argv[0]} was stopped`, { cause: signal.reason });
}

/**
 * Starts a program and gives it back once it runs. The caller owns its streams and its end.
 * @throws SpuffError `unavailable` when the program is missing or can't be started
 */
export async function startProcess(
  argv: readonly string[],
  options: { stdio: StdioOptions; cwd?: string; env?: Record<string, string>; detached?: boolean },
): Promise<ChildProcess> {
  const [command, ...args] = argv;
  if (command === undefined) throw new TypeError('an empty argument array');
  try {
    // Some failures are thrown here, such as arguments that are too long; others come as an event.
    const child = spawn(command, args, {
      stdio: options.stdio,
      cwd: options.cwd,
      env: childEnvironment(options.env),
      detached: options.detached ?? false,
    });
    await once(child, 'spawn');
    return child;
  } catch (error) {
    throw toStartError(command, options.cwd, error);
  }
}

function toStartError(command: string, cwd: string | undefined, error: unknown): unknown {
  const code = systemErrorCode(error);
  if (code === undefined || code.startsWith('ERR_')) return error;
  const shown = escapeText(command, { singleLine: true }).slice(0, 200);
  const reasons: Record<string, string> = {
    // The kernel says the same of a working directory that is not there.
    ENOENT:
      cwd === undefined
        ? 'is not installed, or not on the PATH'
        : 'is not on the PATH, or its directory is gone',
    E2BIG: "can't be started: its arguments and environment are too long",
    EACCES: "can't be started: it may not be run",
  };
  return new SpuffError('unavailable', `${shown} ${reasons[code] ?? `can't be started (${code})`}`, {
    cause: error,
  });
}

/** The exit status as shells count it. */
export function exitCodeOf(code: number | null, signalName: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return 128 + (signalName === null ? 0 : constants.signals[signalName]);
}

async function feed(child: ChildProcess, input: RunProcessOptions['stdin']): Promise<void> {
  if (input === undefined || !child.stdin) return;
  const source =
    typeof input === 'string' || input instanceof Uint8Array ? Readable.from([Buffer.from(input)]) : input;
  try {
    await pipeline(source, child.stdin);
  } catch (error) {
    // A program may end without reading all its input; its exit status tells whether that was an error.
    if (!['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET'].includes(systemErrorCode(error) ?? ''))
      throw error;
  }
}

async function passOn(
  stream: Readable | null,
  onOutput: NonNullable<RunProcessOptions['onOutput']>,
): Promise<string> {
  try {
    for await (const chunk of (stream ?? []) as AsyncIterable<Buffer>) await onOutput(chunk);
  } catch (error) {
    // A pipe that was let go, as in `collect`.
    if (systemErrorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  return '';
}

async function collect(stream: Readable | null, options: RunProcessOptions): Promise<string> {
  if (!stream) return '';
  const maxBytes = options.maxBytes ?? 16 * 1024 * 1024;
  const decoder = new StringDecoder('utf8');
  const chunks: Buffer[] = [];
  let size = 0;
  let line = '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      while (size > maxBytes && chunks.length > 1) size -= chunks.shift()?.length ?? 0;
      if (!options.onLine) continue;
      const lines = (line + decoder.write(chunk)).split('\n');
      line = lines.pop() ?? '';
      for (const whole of lines) options.onLine(whole);
    }
  } catch (error) {
    // A pipe that was let go: what came until then counts.
    if (systemErrorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  if (options.onLine && line !== '') options.onLine(line);
  return Buffer.concat(chunks).toString('utf8');
}
