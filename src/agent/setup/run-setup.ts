/** One run of a setup: each part that is due, in its turn, with what became of it in the status. */

import type { SetupState } from '../../domain/setup.ts';
import { escapeText } from '../../lib/escape.ts';
import { titleOf } from '../../lib/setup-title.ts';
import { redactTokens } from '../../lib/token-shapes.ts';
import type { SetupPart, SetupStatus } from '../../protocol/setup-schema.ts';
import type { DoneFile } from './done-file.ts';
import { findBlocker, isSelected, type PlannedPart, planParts, type Stage } from './plan-parts.ts';
import type { Command } from './run-logged.ts';
import { openSetupLog } from './setup-log.ts';
import type { PartOutcome, PartTools, SetupScene } from './setup-scene.ts';
import { createStatusBoard, type StatusBoard } from './status-board.ts';

export interface SetupRun extends SetupScene {
  done: (part: Pick<PlannedPart, 'kind'>) => DoneFile;
  /** As it was before. */
  previous: SetupStatus | null;
  /** Unix time in ms. */
  now: () => number;
  /** What is not the project's doing. */
  onFailure: (error: unknown) => void;
}

/** @param onBoard gets the status as soon as there is one, for who has to end the run from outside */
export async function runSetup(
  run: SetupRun,
  onBoard: (board: StatusBoard) => void = () => undefined,
): Promise<SetupStatus> {
  const stages = planParts(run.order);
  const entries = new Map(
    stages
      .flatMap((stage) => stage.flatMap(({ parts }) => parts))
      .map((part) => [part, firstEntry(run, part)]),
  );
  const status: SetupStatus = {
    ...{ project: run.order.project, run: run.request.run, state: 'in_progress' },
    ...{ startedAt: timeOf(run.now()), endedAt: null, detail: null, parts: [...entries.values()] },
  };
  const board = createStatusBoard(run.places.stateFolder, status, run.now);
  onBoard(board);
  const log = openSetupLog(run.places.logFolder, 'setup.log');
  const say = (line: string) => log.write(`${timeOf(run.now())} ${line}`);
  say(`run ${run.request.run} of ${escapeText(run.order.project, { singleLine: true })}`);
  const round: Round = { run, board, say, entries, failed: [] };
  try {
    for (const stage of stages) await runStage(round, stage);
  } finally {
    const failed = status.parts.some(({ state }) => state === 'failed');
    const open = status.parts.some(({ state }) => state === 'pending' || state === 'in_progress');
    const state = failed || open ? 'failed' : 'done';
    board.end(state, open ? 'it broke off: see its journal' : null);
    say(`run ${run.request.run}: ${state}`);
    log.close();
  }
  return status;
}

interface Round {
  run: SetupRun;
  board: StatusBoard;
  say: (line: string) => void;
  entries: ReadonlyMap<PlannedPart, SetupPart>;
  failed: PlannedPart[];
}

async function runStage(round: Round, stage: Stage): Promise<void> {
  await Promise.all(
    stage.map(async ({ width, parts }) => {
      const left = [...parts];
      const work = async () => {
        for (let part = left.shift(); part !== undefined; part = left.shift()) await runPart(round, part);
      };
      await Promise.all(Array.from({ length: width }, work));
    }),
  );
}

async function runPart({ run, board, say, entries, failed }: Round, part: PlannedPart): Promise<void> {
  const entry = entries.get(part);
  if (entry === undefined) throw new TypeError('a part without an entry');
  const title = titleOf(part);
  if (entry.state !== 'pending') return;
  const blocker = findBlocker(part, failed);
  if (blocker !== null) {
    const what = titleOf(blocker);
    board.change(entry, { state: 'skipped', detail: `because ${what} failed` });
    say(`${title}: skipped, because ${what} failed`);
    return;
  }
  board.change(entry, { state: 'in_progress', startedAt: timeOf(run.now()), log: `spuff-setup/${part.log}` });
  say(`${title}: begins`);
  // What is begun is not done any more, whatever it was before.
  run.done(part).forget(keyOf(part));
  const outcome = await attempt(run, board, { part, entry });
  if (outcome.state === 'failed') failed.push(part);
  else if (outcome.state === 'done') run.done(part).note(keyOf(part), part.hash);
  board.change(entry, {
    state: outcome.state,
    detail: outcome.detail,
    items: outcome.items ?? [],
    endedAt: timeOf(run.now()),
  });
  say(`${title}: ${outcome.state}${outcome.detail === null ? '' : `: ${outcome.detail}`}`);
}

async function attempt(
  run: SetupRun,
  board: StatusBoard,
  { part, entry }: { part: PlannedPart; entry: SetupPart },
): Promise<PartOutcome> {
  const log = openSetupLog(run.places.logFolder, part.log);
  const tell = (text: string) => board.tell(entry, escapeText(redactTokens(text), { singleLine: true }));
  const tools: PartTools = {
    ...run,
    log: (line) => log.write(line),
    tell,
    exec: (command: Command) =>
      run.run(command, (line) => {
        log.write(line);
        if (line.trim() !== '') tell(line.trim());
      }),
    ask: (command) => run.run(command, () => undefined),
  };
  try {
    log.write(`--- ${timeOf(run.now())}, run ${run.request.run}`);
    return await part.run(tools);
  } catch (error) {
    run.onFailure(error);
    return { state: 'failed', detail: 'spuff itself failed here: journalctl -u spuff-setup has how' };
  } finally {
    log.close();
  }
}

/** What is done and unchanged is so from the beginning, and what is not asked for stays as it was. */
function firstEntry({ request, done, previous }: SetupRun, part: PlannedPart): SetupPart {
  const { kind, name } = part;
  const before = previous?.parts.find((one) => one.kind === kind && one.name === name);
  const fresh = { kind, name, startedAt: null, endedAt: null, detail: null, log: null, items: [] };
  const isDone = done(part).has(keyOf(part), part.hash);
  const kept = (state: SetupState, detail: string | null): SetupPart => ({
    ...(before?.state === state ? before : fresh),
    ...{ state, detail: before?.state === state ? before.detail : detail },
  });
  if (!isSelected(part, request.only)) return isDone ? kept('done', null) : kept('skipped', 'not asked for');
  return isDone && !request.again ? kept('done', null) : { ...fresh, state: 'pending' };
}

function keyOf({ kind, name }: PlannedPart): string {
  return `${kind}:${name}`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
