/** A machine that sends what a test says, and a home that keeps it. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppContext } from '../../src/app/context.ts';
import { silentProgress } from '../../src/domain/progress.ts';
import type { RescueTrailer } from '../../src/domain/rescue.ts';
import { defaultSettings, type Settings } from '../../src/domain/settings.ts';
import type { RunOptions, RunResult, Ssh } from '../../src/domain/ssh.ts';
import { homePaths } from '../../src/state/home.ts';
import { openRescueStore } from '../../src/state/rescue-files.ts';

/** What a machine does when it is asked for its work. */
export type Sending = (options: RunOptions, argv: readonly string[]) => Promise<Partial<RunResult>>;

export interface RescueScene {
  home: string;
  context: AppContext;
  warnings: string[];
  stop: AbortController;
  remove(): void;
}

export function makeRescueScene(send: Sending, settings: Partial<Settings> | Error = {}): RescueScene {
  const home = mkdtempSync(join(tmpdir(), 'spuff-rescue-scene-'));
  const rescuePath = join(home, 'rescue.cjs');
  writeFileSync(rescuePath, 'the program');
  const warnings: string[] = [];
  const stop = new AbortController();
  const run: Ssh['run'] = async (_target, argv, options = {}) => {
    return { stdout: '', stderr: '', exitCode: 0, ...(await send(options, argv)) };
  };
  const context = {
    home,
    signal: stop.signal,
    progress: { ...silentProgress, warn: (text: string) => warnings.push(text) },
    settings: async () => {
      if (settings instanceof Error) throw settings;
      return { ...defaultSettings, rescue: true, ...settings };
    },
    ssh: async () => ({ run }) as Partial<Ssh>,
    project: async () => null,
    rescues: async () => openRescueStore(homePaths(home), { now: () => Date.UTC(2026, 10, 28) }),
    agentPackage: async () => ({ rescuePath }),
  } as unknown as AppContext;
  return { home, context, warnings, stop, remove: () => rmSync(home, { recursive: true, force: true }) };
}

/** Sends these bytes, and says of them what is true, or what a test would rather have it say. */
export function sendWork(text: string, said: Partial<RescueTrailer> = {}): Sending {
  return async ({ onOutput }) => {
    const bytes = Buffer.from(text);
    await onOutput?.(bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const counts = {
      repositories: 1,
      commits: 2,
      stashes: 0,
      patches: 1,
      files: 0,
      leftOut: 0,
      lost: 0,
      named: [],
    };
    const trailer = { bytes: bytes.length, sha256, ...counts, ...said };
    return { stderr: `a word of ssh\n\n${JSON.stringify(trailer)}\n` };
  };
}
