import { rmSync, writeFileSync } from 'node:fs';
import { defaultPreDownSeconds } from '../domain/agent-config.ts';
import { systemErrorCode } from '../domain/errors.ts';
import { toFileError, writeFileAtomically } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import { readText } from './read-file.ts';

export interface PlannedShutdown {
  atMs: number;
  reason: string;
}

export interface Power {
  /** Plans the power-off that a caller asks for; a later plan replaces an earlier one. A restart of the agent keeps it. */
  plan(shutdown: PlannedShutdown): void;
  /**
   * Powers off now, for the end of the lease or of use. Not kept over a restart: whether it is still due then is decided
   * anew, from the lease as it is then.
   */
  end(nowMs: number, reason: string): void;
  /** Carries out a plan that is due, and asks again when a request had no effect. Call it every few seconds. */
  tick(nowMs: number, preDownSeconds?: number): void;
  readonly planned: PlannedShutdown | null;
  readonly problem: string | null;
}

export interface PowerPaths {
  /** Made to have the machine powered off. */
  request: string;
  /** Where a plan lies, in a folder that is in memory: a reboot forgets it. */
  plan: string;
}

/** A machine that is still on this long after its pre-down hook must have ended did not get the request. */
const retryMs = 30_000;

/**
 * The agent may not power anything off. It makes a file, systemd sees it (`spuff-poweroff.path`) and powers the machine
 * off; what the file says is not read.
 */
export function createPower(paths: PowerPaths, log: (line: string) => void): Power {
  let { planned, problem } = readPlan(paths.plan);
  let requestedAtMs: number | null = null;
  // What an agent before this one asked for without effect must not be carried out later, when the unit starts again.
  rmSync(paths.request, { force: true });
  const request = (nowMs: number, reason: string) => {
    try {
      // Made anew each time: systemd acts when the file appears.
      rmSync(paths.request, { force: true });
      writeFileSync(paths.request, `${reason}\n`, { mode: 0o600, flag: 'wx' });
      problem = requestedAtMs === null ? null : 'the machine was asked to power off and is still on';
      if (requestedAtMs === null) log(`powering off: ${escapeText(reason, { singleLine: true })}`);
    } catch (error) {
      problem = `the machine can't be powered off: ${systemErrorCode(error) ?? 'unknown error'}`;
    }
    requestedAtMs = nowMs;
  };
  return {
    plan(shutdown) {
      planned = shutdown;
      requestedAtMs = null;
      problem = writePlan(paths.plan, shutdown);
    },
    end(nowMs, reason) {
      planned = { atMs: nowMs, reason };
      requestedAtMs = null;
    },
    tick(nowMs, preDownSeconds = defaultPreDownSeconds) {
      if (planned === null || nowMs < planned.atMs) return;
      const againAfterMs = preDownSeconds * 1_000 + retryMs;
      if (requestedAtMs === null || nowMs - requestedAtMs >= againAfterMs) request(nowMs, planned.reason);
    },
    get planned() {
      return planned;
    },
    get problem() {
      return problem;
    },
  };
}

function readPlan(path: string): { planned: PlannedShutdown | null; problem: string | null } {
  const text = readText(path);
  if (text === null) return { planned: null, problem: null };
  try {
    const { atMs, reason } = JSON.parse(text) as Partial<Record<keyof PlannedShutdown, unknown>>;
    if (typeof atMs !== 'number' || typeof reason !== 'string') throw new TypeError('no plan');
    // Throws for a number that is no time.
    return { planned: { atMs: new Date(new Date(atMs).toISOString()).getTime(), reason }, problem: null };
  } catch {
    return { planned: null, problem: `${path} is damaged: a power-off that was planned is forgotten` };
  }
}

/** @returns why the plan would not outlive this process; null when it does */
function writePlan(path: string, shutdown: PlannedShutdown): string | null {
  try {
    writeFileAtomically(path, `${JSON.stringify(shutdown)}\n`);
    return null;
  } catch (error) {
    return `a restart of the agent would forget the planned power-off: ${toFileError(error, `write ${path}`).message}`;
  }
}
