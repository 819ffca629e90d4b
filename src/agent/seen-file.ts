import { renameSync, writeFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { toFileError } from '../lib/atomic-file.ts';
import { readText } from './read-file.ts';

/**
 * What an agent has seen, for the one that is started after it: in memory, so that a reboot forgets it. All times are on
 * the clock of the boot.
 */
const time = z.number();
/** What an agent of another version wrote otherwise, or not at all, is as if it had not been seen: the rest still counts. */
const orNone = <T extends z.ZodMiniType>(schema: T) => z.catch(z.nullable(schema), null);
const moment = orNone(time);
const stamp = z.object({ stampMs: moment, lookedAtMs: moment, changedAtMs: moment });

const processes = z.array(
  z.object({
    pid: z.number(),
    parentPid: z.number(),
    startedAtTicks: z.number(),
    cpuTicks: z.number(),
    childTicks: z.number(),
    kind: z.enum(['system', 'user', 'editor', 'session', 'container', 'other']),
  }),
);

const seenSchema = z.object({
  /** When it was written. */
  atMs: time,
  firstStartAtMs: time,
  seeingSinceMs: moment,
  lastCallAtMs: moment,
  lastInteractiveAtMs: moment,
  lastSetupAtMs: moment,
  execs: orNone(stamp),
  sessions: orNone(
    z.object({ lastInputAtMs: moment, lastChangeAtMs: moment, inputs: z.record(z.string(), stamp) }),
  ),
  network: orNone(
    z.object({ lastBusyAtMs: moment, before: orNone(z.object({ atMs: time, bytes: z.number() })) }),
  ),
  work: orNone(
    z.object({
      lastBusyAtMs: z.object({ cpu: moment, processes: moment, containers: moment }),
      before: orNone(z.object({ atMs: time, micros: z.nullable(z.number()), processes })),
    }),
  ),
  hold: orNone(z.object({ untilMs: time, setAtMs: time, reason: z.string() })),
  /** Since when a power-off has been due without a break; null: it was not at the last look. */
  dueSinceMs: moment,
  /** The end that people were last warned of. */
  warnedOfMs: moment,
});

export type SeenState = z.infer<typeof seenSchema>;
export type Hold = NonNullable<SeenState['hold']>;

export interface SeenFile {
  /** null: nothing was seen since the boot, or nothing that can be read. */
  readonly before: SeenState | null;
  write(state: SeenState): void;
  readonly problem: string | null;
}

/** @param clockMs the clock of the boot: what is dated after it is from another boot */
export function createSeenFile(path: string, clockMs: () => number): SeenFile {
  const { state: before, problem: damage } = readSeen(path, clockMs());
  let problem = damage;
  return {
    before,
    write(state) {
      try {
        // Whole or not at all when this process is killed; not made safe from a power cut, which ends what is in memory.
        writeFileSync(`${path}.new`, `${JSON.stringify(state)}\n`, { mode: 0o600 });
        renameSync(`${path}.new`, path);
        problem = null;
      } catch (error) {
        problem = `a restart of the agent would forget what it has seen: ${toFileError(error, `write ${path}`).message}`;
      }
    },
    get problem() {
      return problem;
    },
  };
}

function readSeen(path: string, nowMs: number): { state: SeenState | null; problem: string | null } {
  const text = readText(path);
  if (text === null) return { state: null, problem: null };
  try {
    const state = seenSchema.parse(JSON.parse(text));
    return { state: state.atMs <= nowMs ? state : null, problem: null };
  } catch {
    return { state: null, problem: `${path} is damaged: what was seen before is forgotten` };
  }
}
