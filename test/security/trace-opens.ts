/** Which program opened which file, seen by strace: also in the children, and in what they leave in the background. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface OpenTrace {
  exitCode: number | null;
  /** What the programs printed, both streams. */
  output: string;
  /** The names of the programs that opened a file whose real path fits, each once. */
  openersOf(pattern: RegExp): string[];
}

/** All ways to a new file descriptor of a file. The last would pass the tracer by; it shows as an opener of its own. */
const calls = 'trace=open,openat,openat2,creat,open_by_handle_at,io_uring_setup';

/**
 * Runs a program to its end, and to that of everything it has started, under strace.
 * strace names the program that makes each call (`-Y`), and the file that a descriptor leads to, links followed (`-y`).
 */
export async function traceOpens(
  argv: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<OpenTrace> {
  const folder = mkdtempSync(join(tmpdir(), 'spuff-trace-'));
  const file = join(folder, 'trace');
  try {
    const child = spawn(
      'strace',
      ['-f', '-Y', '-y', '-qq', '--seccomp-bpf', '-e', calls, '-o', file, ...argv],
      {
        cwd: options.cwd ?? folder,
        env: { ...process.env, ...options.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const [stdout, stderr, [exitCode]] = await Promise.all([
      child.stdout.setEncoding('utf8').toArray(),
      child.stderr.setEncoding('utf8').toArray(),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    const opened = readFileSync(file, 'utf8').split('\n').flatMap(parseLine);
    return {
      exitCode,
      output: [...stdout, ...stderr].join(''),
      openersOf: (pattern) => [
        ...new Set(opened.filter(({ path }) => pattern.test(path)).map(({ program }) => program)),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `12<ssh> openat(AT_FDCWD</home>, "key", O_RDONLY) = 3</home/key>`, or the second half of such a line. */
function parseLine(line: string): { program: string; path: string }[] {
  const [, program = '', path = ''] = /^\d+<([^>]*)> .*\) += \d+<(.*)>$/.exec(line) ?? [];
  return program === '' ? [] : [{ program, path }];
}
