/** The only place that starts processes: argument arrays, never a shell, and an environment without credentials. */
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { withoutCredentials } from './credential-variables.ts';

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
}

export interface ProcessResult {
  stdout: string;
  stderr: string;
  /** The exit status, or 128+n after signal n, as shells count. */
  exitCode: number;
  timedOut: boolean;
}

/**
 * Runs a program to its end and collects what it prints. A non-zero exit is a result, not an error.
 * @throws SpuffError `unavailable` when the program can't be started, `interrupted` when `signal` aborts
 */
export async function runProcess(
  argv: readonly string[],
  options: RunProcessOptions = {},
): Promise<ProcessResult> {
  const child = await startProcess(argv, {
    ...options,
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let timedOut = false;
  const kill = () => void child.kill('SIGKILL');
  const killLate = () => {
    timedOut = true;
    kill();
  };
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(killLate, options.timeoutMs);
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const [stdout, stderr, [code, signalName]] = await Promise.all([
      collect(child.stdout, options),
      collect(child.stderr, options),
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
      feed(child, options.stdin),
    ]);
    if (options.signal?.aborted)
      throw new SpuffError('interrupted', `${argv[0]} was stopped`, { cause: options.signal.reason });
    return { stdout, stderr, exitCode: exitCodeOf(code, signalName), timedOut };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
  }
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
  const child = spawn(command, args, {
    stdio: options.stdio,
    cwd: options.cwd,
    env: childEnvironment(options.env),
    detached: options.detached ?? false,
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    const missing = systemErrorCode(error) === 'ENOENT';
    throw new SpuffError(
      'unavailable',
      missing ? `${command} is not installed, or not on the PATH` : `${command} can't be started`,
      {
        cause: error,
      },
    );
  }
  return child;
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

async function collect(stream: Readable | null, options: RunProcessOptions): Promise<string> {
  if (!stream) return '';
  const maxBytes = options.maxBytes ?? 16 * 1024 * 1024;
  const chunks: Buffer[] = [];
  let size = 0;
  let line = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    while (size > maxBytes && chunks.length > 1) size -= chunks.shift()?.length ?? 0;
    if (!options.onLine) continue;
    const lines = (line + chunk.toString('utf8')).split('\n');
    line = lines.pop() ?? '';
    for (const whole of lines) options.onLine(whole);
  }
  if (options.onLine && line !== '') options.onLine(line);
  return Buffer.concat(chunks).toString('utf8');
}
