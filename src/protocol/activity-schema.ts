/** What `/activity` answers: what the agent sees, and what it would do about it when. */
import * as z from 'zod/mini';

const time = z.iso.datetime();

export const activityResponse = z.object({
  sampledAt: time,
  signals: z.object({
    /** Terminals with a person's processes on them. */
    sessions: z.object({
      count: z.number(),
      lastInputAt: z.nullable(time),
      /** When the number of them last changed, as far as the agent has seen. */
      lastChangeAt: z.nullable(time),
      items: z.array(
        z.object({
          user: z.string(),
          terminal: z.string(),
          startedAt: z.nullable(time),
          lastInputAt: z.nullable(time),
        }),
      ),
    }),
    /** Calls that show that someone is there: see `activity` in the route table. */
    calls: z.object({ lastAt: z.nullable(time) }),
    heartbeats: z.object({ lastInteractiveAt: z.nullable(time) }),
    exec: z.object({ running: z.number(), lastAt: z.nullable(time) }),
    cpu: z.object({
      /** How many cores were at work on average since the sample before; null until there are two. */
      usedCores: z.nullable(z.number()),
      /** At or above this the machine is busy. */
      busyFromCores: z.number(),
      lastBusyAt: z.nullable(time),
    }),
  }),
  idle: z.object({
    /** null: never powered off for being idle. */
    timeoutSeconds: z.nullable(z.number()),
    /** The last sign of life, whichever signal it came from. */
    lastActiveAt: time,
    lastActiveSignal: z.string(),
    /** When it powers off if nothing happens; null while something is going on or there is no time-out. */
    powerOffAt: z.nullable(time),
    /** What keeps it on at this moment, one sentence each. */
    keptOnBy: z.array(z.string()),
  }),
  lease: z.object({
    deadline: z.nullable(time),
    /** Later than the deadline only shortly after a boot, when the user gets a moment to save. */
    powerOffAt: z.nullable(time),
  }),
  /** The next thing to happen by itself. */
  next: z.nullable(z.object({ what: z.enum(['warning', 'power-off']), at: time, why: z.string() })),
});
