/** Runs the built `spuff` as a user would, with a home of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const project = join(import.meta.dirname, '..', '..');

/** The built `spuff`, for tests that start it by other means. */
export const spuffProgram: readonly [string, string] = [process.execPath, join(project, 'dist', 'spuff.cjs')];

export interface Result {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface SpuffHome {
  path: string;
  /** Runs a command to its end. */
  spuff(
    args: readonly string[],
    options?: { input?: string; cwd?: string; env?: Record<string, string> },
  ): Promise<Result>;
  /** As `spuff`, and throws what it printed unless it exits with 0. */
  ok(args: readonly string[], options?: { input?: string; cwd?: string }): Promise<Result>;
  /** Starts a command and leaves it running. */
  start(args: readonly string[], env?: Record<string, string>): ChildProcess;
  /** Destroys every instance of this home and removes it. */
  remove(): Promise<void>;
}

/** @param homeEnv variables for every command of this home */
export function makeSpuffHome(homeEnv: Record<string, string> = {}): SpuffHome {
  const path = mkdtempSync(join(tmpdir(), 'spuff-e2e-'));
  const [program, ...first] = spuffProgram;
  const start = (args: readonly string[], cwd = path, env: Record<string, string> = {}) =>
    spawn(program, [...first, ...args], {
      cwd,
      // A reaper in the background would outlive the home.
      env: { ...process.env, SPUFF_BACKGROUND: 'off', SPUFF_HOME: join(path, 'home'), ...homeEnv, ...env },
    });
  const home: SpuffHome = {
    path: join(path, 'home'),
    start: (args, env = {}) => start(args, path, env),
    spuff: async (args, options = {}) => {
      const child = start(args, options.cwd, options.env);
      // A command that reads nothing may have ended by now.
      child.stdin.on('error', () => undefined).end(options.input ?? '');
      const [stdout, stderr, [exitCode, signal]] = await Promise.all([
        child.stdout.setEncoding('utf8').toArray(),
        child.stderr.setEncoding('utf8').toArray(),
        once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
      ]);
      return { exitCode, signal, stdout: stdout.join(''), stderr: stderr.join('') };
    },
    ok: async (args, options) => {
      const result = await home.spuff(args, options);
      if (result.exitCode === 0) return result;
      throw new Error(
        `spuff ${args.join(' ')} exited with ${result.exitCode}:\n${result.stdout}${result.stderr}`,
      );
    },
    remove: async () => {
      await home.spuff(['down', '--all', '--force']);
      rmSync(path, { recursive: true, force: true });
    },
  };
  return home;
}
