/** A reaper on one computer, again and again. Runs that could find nothing new are left out. */
import type { ReapReport } from '../../src/app/reap-run.ts';
import { runReap } from './commands.ts';
import { type Host, isUsable } from './host.ts';
import type { Life } from './life.ts';
import { minuteMs } from './life-plan.ts';
import { shutOut } from './shut-out.ts';
import { endOfSpan } from './spans.ts';

/** By then lists show what there is, firewalls are let go of, and whoever was at work has ended or given up. */
const settledMs = 20 * minuteMs;

export class ReapSchedule {
  readonly #life: Life;
  readonly #host: Host;
  readonly #everyMs: number;
  readonly #scope: 'own' | 'account';
  /** When anything last happened that it may have to act on. */
  #changedAtMs: number;
  #turn = 0;
  #isRunning = false;
  #plannedMs = 0;
  #futile = 0;

  constructor(life: Life, host: Host, everyMs: number, scope: 'own' | 'account') {
    [this.#life, this.#host, this.#everyMs, this.#scope] = [life, host, everyMs, scope];
    this.#changedAtMs = life.time.now();
    this.#plan(life.random.between(0, everyMs));
  }

  noteChange(): void {
    const nowMs = this.#life.time.now();
    this.#changedAtMs = nowMs;
    const isSoon = this.#plannedMs <= nowMs + this.#everyMs;
    if (!this.#isRunning && !isSoon) this.#plan(this.#life.random.between(0, this.#everyMs));
  }

  #plan(afterMs: number): void {
    const { time } = this.#life;
    const turn = ++this.#turn;
    this.#plannedMs = time.now() + afterMs;
    time.at(time.now() + afterMs, () => {
      if (turn !== this.#turn || time.now() >= this.#host.lostAtMs) return;
      const wakesMs = endOfSpan(this.#host.asleep, time.now());
      if (wakesMs !== null) return this.#plan(wakesMs - time.now());
      // What can't succeed is tried a few times only.
      const letInMs = endOfSpan(shutOut(this.#life, this.#host), time.now());
      this.#futile = letInMs === null ? 0 : this.#futile + 1;
      if (letInMs !== null && this.#futile > 2)
        return this.#plan(letInMs - time.now() + this.#life.random.between(0, this.#everyMs));
      this.#isRunning = true;
      if (this.#life.random.chance(this.#life.plan.twinShare))
        void runOnce(this.#life, this.#host, this.#scope);
      const { random, plan } = this.#life;
      const dieAt = random.chance(plan.deathShare) ? random.integer(1, 30) : null;
      void runOnce(this.#life, this.#host, this.#scope, dieAt).then((report) => this.#goOn(report));
    });
  }

  #goOn(report: ReapReport | null): void {
    const nowMs = this.#life.time.now();
    this.#isRunning = false;
    const isSettled = nowMs - this.#changedAtMs > settledMs;
    const leftMs = isSettled ? nextDueMs(report) - nowMs : 0;
    // What it waits for comes at any moment between two runs.
    const waitMs =
      leftMs > this.#everyMs ? leftMs + this.#life.random.between(0, this.#everyMs) : this.#everyMs;
    this.#plan(waitMs);
  }
}

/** Runs a reaper; what it could not do, it can't. */
export async function runOnce(
  life: Life,
  host: Host,
  scope: 'own' | 'account',
  dieAt: number | null = null,
): Promise<ReapReport | null> {
  if (!isUsable(host, life.time.now())) return null;
  const process = life.process(host, 'reap', dieAt);
  const death = new Promise<null>((resolve) => {
    process.onDeath = () => resolve(null);
  });
  try {
    const report = await Promise.race([runReap(life.commands, process, scope), death]);
    if (report === null) {
      life.tell(`reap at ${host.name}: killed`);
      life.noteDeath(host);
      return null;
    }
    tellReport(life, host, report);
    life.noteReceipts(host, report);
    return report;
  } catch (error) {
    life.bugs.push(error);
    return null;
  } finally {
    process.end();
  }
}

function tellReport(life: Life, host: Host, { machines, failures }: ReapReport): void {
  for (const { id, outcome, why, error } of machines) {
    if (outcome !== 'kept') life.tell(`reap at ${host.name}: ${id} ${outcome}, ${why}${textOf(error)}`);
  }
  for (const { error } of failures) life.tell(`reap at ${host.name}: failed${textOf(error)}`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? ` (${error.message})` : '';
}

/** When the first of the machines that were kept has to be looked at again; 0: at once. */
function nextDueMs(report: ReapReport | null): number {
  if (report === null || report.failures.length > 0) return 0;
  return Math.min(
    Number.POSITIVE_INFINITY,
    ...report.machines.map(({ outcome, why, until }) => {
      if (outcome !== 'kept') return 0;
      if (why === 'not-spuffs' || why === 'no-deadline') return Number.POSITIVE_INFINITY;
      return until?.getTime() ?? 0;
    }),
  );
}
