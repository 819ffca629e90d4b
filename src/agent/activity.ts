import { type AgentConfig, defaultThresholds } from '../domain/agent-config.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import { describeActivity } from './activity-answer.ts';
import { type Client, createClientList } from './client-list.ts';
import { collectSigns, type LifecycleNotes, type SignSources } from './collect-signs.ts';
import { decidePower, type PowerDecision } from './decide-power.ts';
import { describeHistory, toSample } from './describe-history.ts';
import type { History } from './history.ts';
import { readBootMs } from './machine-boot.ts';
import type { PlannedShutdown } from './power.ts';
import { pastOnClock, readSight, type Seen } from './read-signals.ts';

export interface Activity {
  /** A call that shows that someone is there. */
  noteCall(): void;
  noteHeartbeat(client: string, interactive: boolean): void;
  /** Keeps the machine on until a moment of the clock that people set; null ends that. */
  hold(wish: { untilMs: number; reason: string } | null): void;
  /** Looks at terminals, processes and the network. */
  observe(config: AgentConfig): void;
  decide(config: AgentConfig): PowerDecision;
  /** What was last observed, and what follows from it. */
  answer(config: AgentConfig, planned: PlannedShutdown | null): AgentResponse<'activity'>;
  history(): AgentResponse<'activityHistory'>;
  /** Writes down what an agent after this one has to know. */
  save(): void;
  readonly notes: LifecycleNotes;
  readonly clients: readonly Client[];
  readonly problem: string | null;
}

export interface ActivitySources extends SignSources {
  pastSamples: History;
}

/**
 * Decides from the signs of life. They are kept on the clock of the boot, and only the time since them is set against the
 * clock that people set: so a clock that jumps, either way and by however much, neither keeps an idle machine on nor
 * switches one off that is in use. What an agent has seen is there for the next one.
 */
export function createActivity({ pastSamples, ...sources }: ActivitySources): Activity {
  const { paths, seenFile, now, monotonicMs } = sources;
  const clients = createClientList();
  const signs = collectSigns(sources);
  const decide = (config: AgentConfig, seen: Seen) =>
    decidePower({
      ...readSight(seen),
      bootedAtMs: readBootMs(paths) ?? pastOnClock(seen, seen.firstStartAtMs),
      deadlineMs: config.deadline === null ? null : config.deadline * 1_000,
      idleTimeoutMs: config.idleTimeoutSeconds === null ? null : config.idleTimeoutSeconds * 1_000,
    });
  return {
    noteCall: signs.noteCall,
    noteHeartbeat(client, interactive) {
      clients.note(client, interactive, now());
      if (interactive) signs.noteInteractive();
    },
    hold(wish) {
      const atMs = monotonicMs();
      signs.setHold(wish && { untilMs: atMs + wish.untilMs - now(), setAtMs: atMs, reason: wish.reason });
    },
    observe({ idle }) {
      signs.observe({ ...defaultThresholds, ...idle });
      pastSamples.note(toSample(signs.look()));
    },
    decide: (config) => decide(config, signs.look()),
    answer(config, planned) {
      const seen = signs.look();
      return describeActivity(seen, decide(config, seen), { config, planned });
    },
    history: () => describeHistory(pastSamples.samples, { nowMs: now(), monotonicMs: monotonicMs() }),
    save: signs.save,
    notes: signs.notes,
    get clients() {
      return clients.all;
    },
    get problem() {
      return seenFile.problem;
    },
  };
}
