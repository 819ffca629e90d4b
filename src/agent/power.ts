import { rmSync, writeFileSync } from 'node:fs';
import { systemErrorCode } from '../domain/errors.ts';
import { escapeText } from '../lib/escape.ts';

export interface PlannedShutdown {
  atMs: number;
  reason: string;
}

export interface Power {
  /** Plans the power-off; a later plan replaces an earlier one. */
  plan(shutdown: PlannedShutdown): void;
  /** Carries out a plan that is due, and asks again when a request had no effect. Call it every few seconds. */
  tick(nowMs: number): void;
  readonly planned: PlannedShutdown | null;
  readonly problem: string | null;
}

/** A machine that is still on this long after the request did not get it. */
const retryMs = 30_000;

/**
 * The agent may not power anything off. It makes a file, systemd sees it (`spuff-poweroff.path`) and powers the machine
 * off; what the file says is not read.
 */
export function createPower(requestPath: string, log: (line: string) => void): Power {
  let planned: PlannedShutdown | null = null;
  let requestedAtMs: number | null = null;
  let problem: string | null = null;
  const request = (nowMs: number, reason: string) => {
    try {
      // Made anew each time: systemd acts when the file appears.
      rmSync(requestPath, { force: true });
      writeFileSync(requestPath, `${reason}\n`, { mode: 0o600, flag: 'wx' });
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
    },
    tick(nowMs) {
      if (planned === null || nowMs < planned.atMs) return;
      if (requestedAtMs === null || nowMs - requestedAtMs >= retryMs) request(nowMs, planned.reason);
    },
    get planned() {
      return planned;
    },
    get problem() {
      return problem;
    },
  };
}
