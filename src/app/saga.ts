import { SpuffError } from '../domain/errors.ts';
import type { Progress, ProgressStep } from '../domain/progress.ts';
import type { Operation, StateStore, StepStatus } from '../domain/state.ts';
import { escapeText } from '../lib/escape.ts';

/**
 * One step of a transaction over things that can't be rolled back. `run` must be safe to repeat: after a crash nobody
 * knows whether it took effect. `undo` removes what `run` leaves behind, also when `run` got only half-way.
 */
export interface Step<Run> {
  /** Stable: it stands in the journal, and a later version of spuff resumes by it. */
  readonly name: string;
  readonly title: string;
  run(run: Run, progress: ProgressStep): Promise<void>;
  undo?(run: Run): Promise<void>;
}

export interface Saga<Run> {
  steps: readonly Step<Run>[];
  run: Run;
  operation: Operation;
  journal: Pick<StateStore, 'recordStep'>;
  progress: Progress;
  /** Writes down that things are being taken back, so that nobody goes on building on what is half gone. */
  beforeUndo?(run: Run): void;
}

/** What a saga that failed could not take back. */
export class UndoError extends SpuffError {
  readonly leftBehind: readonly string[];

  constructor(error: SpuffError, leftBehind: readonly string[]) {
    super(error.code, error.message, { hints: error.hints, cause: error });
    this.name = 'UndoError';
    this.leftBehind = leftBehind;
  }
}

/**
 * Runs the steps that the journal does not hold as done. Each is in the journal before it starts and after it ended, so
 * that a killed process leaves a record of what may be there. When a step fails, everything is undone in reverse.
 * @throws the step's error once all is undone; UndoError when something could not be
 */
export async function runSaga<Run>(saga: Saga<Run>): Promise<void> {
  const { journal, operation, progress, run } = saga;
  for (const step of saga.steps) {
    if (lastStatus(operation, step.name) === 'done') continue;
    let shown: ProgressStep | undefined;
    try {
      journal.recordStep(operation.id, { name: step.name, status: 'started' });
      shown = progress.start(step.title);
      await step.run(run, shown);
      journal.recordStep(operation.id, { name: step.name, status: 'done' });
      shown.done();
    } catch (error) {
      shown?.fail();
      recordIfPossible(saga, step, 'failed');
      await undoSteps(saga, saga.steps.indexOf(step), error);
      throw error;
    }
  }
}

async function undoSteps<Run>(saga: Saga<Run>, from: number, cause: unknown): Promise<void> {
  const leftBehind: string[] = [];
  writeIfPossible(saga, 'what is being undone', () => saga.beforeUndo?.(saga.run));
  for (const step of saga.steps.slice(0, from + 1).reverse()) {
    if (!step.undo) continue;
    try {
      await step.undo(saga.run);
      recordIfPossible(saga, step, 'undone');
    } catch (error) {
      recordIfPossible(saga, step, 'undo-failed');
      leftBehind.push(`${step.title}: ${error instanceof Error ? escapeText(error.message) : String(error)}`);
    }
  }
  if (leftBehind.length > 0) throw new UndoError(toSpuffError(cause), leftBehind);
}

function recordIfPossible<Run>(saga: Saga<Run>, step: Step<Run>, status: StepStatus): void {
  writeIfPossible(saga, `${step.name} is ${status}`, () => {
    saga.journal.recordStep(saga.operation.id, { name: step.name, status });
  });
}

/** A journal that can't be written (a full disk) must not keep a machine from being destroyed. */
function writeIfPossible<Run>(saga: Saga<Run>, what: string, write: () => void): void {
  try {
    write();
  } catch {
    saga.progress.warn(`the journal could not be written: ${what}`);
  }
}

function lastStatus(operation: Operation, name: string): StepStatus | undefined {
  return operation.steps.findLast((record) => record.name === name)?.status;
}

function toSpuffError(error: unknown): SpuffError {
  if (error instanceof SpuffError) return error;
  return new SpuffError('internal', error instanceof Error ? error.message : String(error), { cause: error });
}
