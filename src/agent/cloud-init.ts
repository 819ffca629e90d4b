import { join } from 'node:path';
import { escapeText } from '../lib/escape.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import type { MachinePaths } from './machine-paths.ts';
import { readText } from './read-file.ts';

type Answer = AgentResponse<'cloudInit'>;

/** The stages in the order in which cloud-init runs them. */
const stages = ['init-local', 'init', 'modules-config', 'modules-final'] as const;

/** At most this many errors are passed on, each this long. */
const keptErrors = 50;
const keptCharacters = 2_000;

/**
 * How far cloud-init has come, from the two files that it keeps for that purpose.
 * @see https://docs.cloud-init.io/en/latest/explanation/return_codes.html and `cloud-init status --long`
 */
export function readCloudInit(paths: MachinePaths): Answer {
  const statusText = readText(join(paths.cloudInitRun, 'status.json'));
  const resultText = readText(join(paths.cloudInitRun, 'result.json'));
  const status = record(record(parseJson(statusText)).v1);
  const runs = stages.map((name) => ({ name, ...readStage(status[name]) }));
  const stage = typeof status.stage === 'string' && status.stage !== '' ? status.stage : null;
  const errors = runs.flatMap((run) => run.errors);
  const recoverableErrors = runs.flatMap((run) => run.recoverable);
  const finished = resultText !== null;
  const times = (values: (number | null)[]) => values.filter((value) => value !== null);
  const ends = times(runs.map((run) => run.finished));
  return {
    status: judge(paths, { known: statusText !== null, finished, errors, recoverableErrors }),
    stage: stage === null ? null : escapeText(stage, { singleLine: true }),
    datasource:
      typeof status.datasource === 'string' ? escapeText(status.datasource, { singleLine: true }) : null,
    startedAt: toTime(Math.min(...times(runs.map((run) => run.start)))),
    finishedAt: finished ? toTime(Math.max(...ends)) : null,
    errors: clean(errors),
    recoverableErrors: clean(recoverableErrors),
  };
}

function judge(
  paths: MachinePaths,
  seen: { known: boolean; finished: boolean; errors: string[]; recoverableErrors: string[] },
): Answer['status'] {
  if (readText(join(paths.cloudInitRun, 'disabled')) !== null) return 'disabled';
  if (!seen.known) return readText(join(paths.cloudInitRun, 'enabled')) === null ? 'absent' : 'not-started';
  if (seen.errors.length > 0) return 'error';
  if (!seen.finished) return 'running';
  return seen.recoverableErrors.length > 0 ? 'degraded' : 'done';
}

function readStage(value: unknown) {
  const stage = record(value);
  const recoverable = record(stage.recoverable_errors);
  return {
    start: typeof stage.start === 'number' ? stage.start : null,
    finished: typeof stage.finished === 'number' ? stage.finished : null,
    errors: strings(stage.errors),
    recoverable: Object.entries(recoverable).flatMap(([level, list]) =>
      strings(list).map((text) => `${level}: ${text}`),
    ),
  };
}

function clean(texts: string[]): string[] {
  return texts.slice(0, keptErrors).map((text) => escapeText(text.slice(0, keptCharacters)));
}

function toTime(seconds: number): string | null {
  return Number.isFinite(seconds) ? new Date(seconds * 1_000).toISOString() : null;
}

function parseJson(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    // Caught while it was being written; the next call reads it whole.
    return null;
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
