/** What is to happen in one life, drawn before it begins. All times are in ms from its beginning. */
import type { ModelName } from './cloud-model.ts';
import type { Random } from './random.ts';
import type { Span } from './spans.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** A computer with a reaper: how often it runs, in ms, or never. */
export interface HostPlan {
  skewMs: number;
  asleep: Span[];
  cutOff: Span[];
  lostAtMs: number;
  reapEveryMs: number | null;
}

export interface LifePlan {
  model: ModelName;
  ttlMs: number;
  idleTimeoutMs: number | null;
  onIdle: 'destroy' | 'snapshot';
  laptop: HostPlan;
  /** The user's second one, which knows nothing of the machine. */
  second: HostPlan | null;
  /** A scheduled job on a computer that is always on. */
  elsewhere: HostPlan | null;
  up: { dieAt: number | null; againAfterMs: number | null };
  down: { atMs: number; dieAt: number | null; againAfterMs: number | null } | null;
  uses: number[];
  work: Span[];
  keeps: { atMs: number; forMs: number }[];
  extends: { atMs: number; byMs: number; dieAt: number | null }[];
  commands: number[];
  /** Of a reaper's runs: the share that has another one beside it at the same moment. */
  twinShare: number;
  /** And the share that dies on the way. */
  deathShare: number;
  ownerOff: Span | null;
  guestOffAtMs: number | null;
  /** Its owner deletes it in the cloud's console. */
  deletedAtMs: number | null;
  vmClock: { skewMs: number; wrongForMs: number };
  agentAway: (Span & { how: 'killed' | 'hung' })[];
  listLagSeconds: number;
  weather: { down: Span[]; refusing: Span[]; noSnapshots: Span[]; lossShare: number };
  hasForeign: boolean;
}

export function drawLife(model: ModelName, random: Random): LifePlan {
  const ttlMs = random.pick([2 * hourMs, 8 * hourMs, dayMs, dayMs, 2 * dayMs]);
  const spans = (share: number, most: number, longestMs: number) =>
    drawSpans(random, share, most, { withinMs: ttlMs + dayMs, longestMs });
  const isLocal = model === 'local';
  const forgets = random.chance(0.7);
  return {
    ...{ model, ttlMs, idleTimeoutMs: random.pick([30 * minuteMs, 2 * hourMs, null]) },
    onIdle: random.chance(0.15) ? 'snapshot' : 'destroy',
    laptop: drawLaptop(random, model, ttlMs),
    second: !isLocal && random.chance(0.3) ? drawLaptop(random, model, ttlMs) : null,
    elsewhere: !isLocal && random.chance(0.5) ? drawElsewhere(random, ttlMs) : null,
    up: {
      dieAt: random.chance(0.25) ? random.integer(1, 60) : null,
      againAfterMs: random.chance(0.6) ? random.between(minuteMs, hourMs) : null,
    },
    down: forgets
      ? null
      : {
          atMs: random.between(0.05, 1) * ttlMs,
          dieAt: random.chance(0.4) ? random.integer(1, 20) : null,
          againAfterMs: random.chance(0.5) ? random.between(minuteMs, 2 * hourMs) : null,
        },
    uses: drawUses(random, ttlMs),
    // Some are at work all their life, and beyond.
    work: random.chance(0.35) ? [{ fromMs: 5 * minuteMs, toMs: 2 * ttlMs }] : spans(0.6, 3, ttlMs),
    keeps: drawTimes(random, random.chance(0.2) ? 1 : 0, ttlMs).map((atMs) => {
      return { atMs, forMs: random.between(hourMs, 6 * hourMs) };
    }),
    extends: drawExtends(random, ttlMs),
    commands: drawTimes(random, random.integer(0, 6), ttlMs + dayMs),
    twinShare: random.chance(0.2) ? 0.5 : 0,
    deathShare: random.chance(0.2) ? 0.2 : 0,
    ownerOff: random.chance(0.1) ? (spans(1, 1, 12 * hourMs)[0] ?? null) : null,
    guestOffAtMs: random.chance(0.05) ? random.between(0.1, 1) * ttlMs : null,
    deletedAtMs: random.chance(0.04) ? random.between(0, 1) * ttlMs : null,
    vmClock: drawVmClock(random),
    agentAway: spans(0.25, 3, 8 * hourMs).map((span) => drawAway(random, span)),
    listLagSeconds: random.chance(0.5) ? random.between(1, 20) : 0,
    weather: {
      down: spans(0.3, 3, 6 * hourMs),
      refusing: spans(0.15, 3, hourMs),
      noSnapshots: spans(0.3, 2, 8 * hourMs),
      // The engine of a local machine is on the same computer, and nobody asks it again.
      lossShare: random.pick(isLocal ? [0, 0.001] : [0, 0, 0.01, 0.05]),
    },
    hasForeign: random.chance(0.5),
  };
}

function drawLaptop(random: Random, model: ModelName, ttlMs: number): HostPlan {
  const withinMs = ttlMs + dayMs;
  const isLost = model !== 'local' && random.chance(0.15);
  return {
    skewMs: drawSkew(random, model),
    asleep: drawSpans(random, 0.6, 3, { withinMs, longestMs: random.pick([hourMs, 12 * hourMs, 4 * dayMs]) }),
    cutOff: drawSpans(random, 0.3, 3, { withinMs, longestMs: 6 * hourMs }),
    lostAtMs: isLost ? random.between(0, ttlMs) : Number.POSITIVE_INFINITY,
    reapEveryMs: random.chance(0.5) ? 5 * minuteMs : null,
  };
}

/** A local machine goes by the clock of its computer, so that can't be wrong for it. */
function drawSkew(random: Random, model: ModelName): number {
  if (model === 'local') return 0;
  if (random.chance(0.7)) return random.between(-minuteMs, minuteMs);
  if (random.chance(0.3)) return random.between(-10 * minuteMs, 10 * minuteMs);
  return random.between(-dayMs, dayMs);
}

function drawElsewhere(random: Random, ttlMs: number): HostPlan {
  return {
    skewMs: random.between(-2_000, 2_000),
    asleep: [],
    cutOff: drawSpans(random, 0.2, 2, { withinMs: ttlMs + dayMs, longestMs: 6 * hourMs }),
    lostAtMs: Number.POSITIVE_INFINITY,
    reapEveryMs: random.pick([5 * minuteMs, 15 * minuteMs, hourMs]),
  };
}

function drawVmClock(random: Random): LifePlan['vmClock'] {
  const skewMs = random.chance(0.85) ? 0 : random.between(-dayMs, dayMs);
  return { skewMs, wrongForMs: random.chance(0.5) ? random.between(0, 10 * minuteMs) : 10 * dayMs };
}

function drawAway(random: Random, span: Span): LifePlan['agentAway'][number] {
  const how = random.pick(['killed', 'killed', 'hung'] as const);
  if (how === 'hung') return { ...span, how };
  // systemd starts it again, unless somebody keeps it from that.
  return { ...span, how, toMs: random.chance(0.8) ? span.fromMs + 5_000 : span.toMs };
}

function drawUses(random: Random, ttlMs: number): number[] {
  const uses: number[] = [];
  let atMs = random.between(minuteMs, 20 * minuteMs);
  for (let sitting = random.integer(0, 4); sitting > 0; sitting--) {
    for (let key = random.integer(1, 15); key > 0; key--) {
      uses.push(atMs);
      atMs += random.between(minuteMs, 25 * minuteMs);
    }
    atMs += random.between(0, ttlMs / 2);
  }
  return uses;
}

/** Some of them just before the lease is over, when reapers are on their way, or just after. */
function drawExtends(random: Random, ttlMs: number): LifePlan['extends'] {
  if (!random.chance(0.3)) return [];
  const atMs = random.chance(0.4)
    ? [ttlMs + random.between(-2, 2) * minuteMs]
    : drawTimes(random, random.integer(1, 2), ttlMs);
  return atMs.map((at) => ({
    ...{ atMs: at, byMs: random.pick([hourMs, 4 * hourMs, dayMs]) },
    dieAt: random.chance(0.3) ? random.integer(1, 10) : null,
  }));
}

function drawTimes(random: Random, count: number, withinMs: number): number[] {
  return Array.from({ length: count }, () => random.between(0, withinMs)).sort((one, other) => one - other);
}

function drawSpans(
  random: Random,
  share: number,
  most: number,
  { withinMs, longestMs }: { withinMs: number; longestMs: number },
): Span[] {
  if (!random.chance(share)) return [];
  return drawTimes(random, random.integer(1, most), withinMs).map((fromMs) => {
    // Most things are short, and some are long.
    return { fromMs, toMs: fromMs + longestMs * random.next() ** 3 };
  });
}
