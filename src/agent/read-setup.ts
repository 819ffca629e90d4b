/** What the agent shows of the project's setup. It reads what root's unit has written, and can only have that started. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../domain/errors.ts';
import { configFile, statusFile } from '../domain/setup-paths.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import { type SetupConfig, type SetupStatus, setupConfig, setupStatus } from '../protocol/setup-schema.ts';
import { AgentError } from './agent-error.ts';
import type { MachinePaths } from './machine-paths.ts';
import { readText } from './read-file.ts';
import { markBrokenOff } from './setup/broken-off.ts';

const nothing: SetupStatus = {
  ...{ project: null, run: null, state: 'pending', startedAt: null, endedAt: null, detail: null, parts: [] },
};

/** One that was at work and runs no more was cut off: nobody was left to write that down. */
export function readSetupStatus(paths: MachinePaths): SetupStatus {
  // First whether it runs: one that ends in between has written its end by then.
  const isRunning = existsSync(paths.setupRunning);
  const status = readJson(paths, statusFile, setupStatus) ?? nothing;
  if (status.state !== 'in_progress' || isRunning) return status;
  const why = 'cut off: its process was killed, or the machine lost its power';
  const cut: SetupStatus = { ...status, state: 'failed', detail: why, parts: structuredClone(status.parts) };
  markBrokenOff(cut, why);
  return cut;
}

export function readSetupConfig(paths: MachinePaths): SetupConfig | null {
  return readJson(paths, configFile, setupConfig);
}

export function listDevtools(paths: MachinePaths): AgentResponse<'devtools'> {
  const parts = readSetupStatus(paths).parts;
  return {
    devtools: parts.flatMap(({ kind, name, state, detail, items }) => {
      if (kind !== 'bundle' && kind !== 'ai') return [];
      const tools = items.map((item) => ({
        ...{ name: item.name, state: item.state, version: item.state === 'done' ? item.detail : null },
      }));
      return [{ kind, name, state, detail, tools }];
    }),
  };
}

/**
 * Has the unit started, by a file that systemd looks for; what it says is not read.
 * @throws AgentError `not-found` where nothing was ever sent, `unavailable` when the file can't be made
 */
export function startSetup(paths: MachinePaths, triggerPath: string): AgentResponse<'projectSetup'> {
  if (readSetupConfig(paths) === null) {
    throw new AgentError('not-found', 'no project was ever set up here', {
      hint: 'on your computer, in the folder of the project: spuff setup',
    });
  }
  if (existsSync(paths.setupRunning)) return { outcome: 'running' };
  try {
    // Made anew each time: systemd acts when the file appears.
    rmSync(triggerPath, { force: true });
    writeFileSync(triggerPath, '', { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new AgentError(
      'unavailable',
      `the setup can't be started: ${systemErrorCode(error) ?? 'unknown error'}`,
    );
  }
  return { outcome: 'started' };
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

/** A file of another version, or a damaged one, is as if there were none. */
function readJson<T>(paths: MachinePaths, file: string, schema: Schema<T>): T | null {
  try {
    const read = schema.safeParse(JSON.parse(readText(join(paths.setupState, file)) ?? ''));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}
