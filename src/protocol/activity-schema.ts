/** What `/activity` answers: what the agent sees, and what it would do about it when. */
import * as z from 'zod/mini';

const time = z.iso.datetime();

const coresAtWork = {
  /** On average since the sample before; null until there are two. */
  usedCores: z.nullable(z.number()),
  /** At or above this it counts as use. */
  busyFromCores: z.number(),
  lastBusyAt: z.nullable(time),
};

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
    /** Of the project; what it starts is not counted as the user's processes. */
    setup: z.optional(z.object({ running: z.boolean(), lastAt: z.nullable(time) })),
    cpu: z.object({
      /** Of all that is not the system's own. */
      ...coresAtWork,
      /** Of the whole machine. */
      machineCores: z.optional(z.nullable(z.number())),
    }),
    /** What the user has started, wherever; without editors' own helpers. */
    processes: z.optional(
      z.object({
        ...coresAtWork,
        /** Those that did most of it. */
        top: z.array(z.object({ pid: z.number(), name: z.string(), usedCores: z.number() })),
      }),
    ),
    containers: z.optional(z.object({ ...coresAtWork, count: z.number() })),
    /** Both directions together, without the loopback and what only passes on. */
    network: z.optional(
      z.object({
        bytesPerSecond: z.nullable(z.number()),
        busyFromBytesPerSecond: z.number(),
        lastBusyAt: z.nullable(time),
      }),
    ),
  }),
  /** The owner's wish that the machine stays on. `until` is never past the deadline. */
  hold: z.optional(z.nullable(z.object({ until: time, since: time, reason: z.string() }))),
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
  /** What runs before a power-off, if there is one on the machine. */
  preDown: z.optional(z.object({ limitSeconds: z.number() })),
});

/** What `/activity/history` answers: the last hours, the oldest first. */
export const activityHistoryResponse = z.object({
  stepSeconds: z.number(),
  samples: z.array(
    z.object({
      /** The end of the step. */
      at: time,
      /** The signals that showed use in it. */
      active: z.array(z.string()),
      /** The highest level in it. */
      cpuCores: z.nullable(z.number()),
      processCores: z.nullable(z.number()),
      containerCores: z.nullable(z.number()),
      networkBytesPerSecond: z.nullable(z.number()),
    }),
  ),
});
