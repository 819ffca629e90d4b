/** Shows how far the setup of a machine is, for as long as it runs, over as many connections as that takes. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProgressStep } from '../domain/progress.ts';
import { escapeText } from '../lib/escape.ts';
import { titleOf } from '../lib/setup-title.ts';
import type { SetupPart, SetupStatus } from '../protocol/setup-schema.ts';
import { type AgentClient, connectAgent } from './agent-client.ts';
import type { AppContext } from './context.ts';

export type { SetupPart, SetupStatus } from '../protocol/setup-schema.ts';

const lookAgainMs = 700;
/** A run that was started must show within this. */
const firstSightMs = 30_000;
/** A machine that can't be reached for this long is given up; the setup goes on there. */
const patienceMs = 10 * 60_000;
const lost = new Set(['connection', 'agent', 'timeout']);

/**
 * Waits for the end of a run, and draws each of its parts.
 * @param run null: the one that is at work
 * @throws SpuffError `interrupted` when the user has seen enough; the setup goes on, and the hints say how to look again
 */
export async function watchSetup(
  context: AppContext,
  instance: Instance,
  run: string | null,
): Promise<SetupStatus> {
  const view = createPartsView(context);
  const startedAtMs = context.runtime.now();
  const ask = createPatientAsk(context, instance);
  try {
    for (;;) {
      const status = await ask();
      const isOurs = run === null || status.run === run;
      if (isOurs) {
        view.show(status);
        if (status.state !== 'in_progress') return status;
      } else if (context.runtime.now() - startedAtMs > firstSightMs) {
        throw new SpuffError('agent', `the setup on ${instance.name} was started and says nothing`, {
          hints: [`see why: spuff exec ${instance.name} -- sudo journalctl -u spuff-setup`],
        });
      }
      await context.runtime.sleep(lookAgainMs, context.signal);
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw goesOn(instance, error);
  } finally {
    view.close();
  }
}

function goesOn({ name }: Instance, cause: unknown): SpuffError {
  return new SpuffError('interrupted', `the setup goes on on ${name}`, {
    hints: [`look at it again: spuff setup ${name}`, `or end it: spuff setup ${name} --stop`],
    cause,
  });
}

/** Asks again, over a new connection, as long as the machine can't be reached: its setup doesn't need us. */
function createPatientAsk(context: AppContext, instance: Instance): () => Promise<SetupStatus> {
  let agent: AgentClient | null = null;
  let lostAtMs: number | null = null;
  return async () => {
    for (;;) {
      try {
        agent ??= await connectAgent(context, instance);
        const status = await agent.ask('projectStatus');
        if (lostAtMs !== null) context.progress.note(`${instance.name} is reached again`);
        lostAtMs = null;
        return status;
      } catch (error) {
        if (context.signal.aborted || !(error instanceof SpuffError) || !lost.has(error.code)) throw error;
        agent = null;
        lostAtMs ??= sayLost(context, instance, error);
        if (context.runtime.now() - lostAtMs > patienceMs) {
          const hints = [...error.hints, `the setup goes on there; look again: spuff setup ${instance.name}`];
          throw new SpuffError(error.code, error.message, { hints, cause: error });
        }
        await context.runtime.sleep(2_000, context.signal);
      }
    }
  };
}

function sayLost({ progress, runtime }: AppContext, { name }: Instance, error: SpuffError): number {
  progress.note(
    `the connection to ${name} is lost (${error.message}); the setup goes on there, trying again`,
  );
  return runtime.now();
}

interface PartsView {
  show(status: SetupStatus): void;
  close(): void;
}

function createPartsView({ progress }: AppContext): PartsView {
  const steps = new Map<string, ProgressStep>();
  const told = new Set<string>();
  const end = (key: string, part: SetupPart) => {
    const step = steps.get(key) ?? progress.start(titleOf(part));
    steps.delete(key);
    told.add(key);
    const detail = part.detail === null ? undefined : escapeText(part.detail, { singleLine: true });
    if (part.state === 'failed') step.fail(detail);
    else step.done(detail);
  };
  const showPart = (status: SetupStatus, part: SetupPart) => {
    const key = `${part.kind}:${part.name}`;
    if (told.has(key)) return;
    if (part.state === 'in_progress') {
      const step = steps.get(key) ?? progress.start(titleOf(part));
      steps.set(key, step);
      step.update(escapeText(part.detail ?? '', { singleLine: true }));
    } else if (part.state === 'skipped' && part.detail !== 'not asked for') {
      told.add(key);
      progress.note(`${titleOf(part)}: skipped ${escapeText(part.detail ?? '', { singleLine: true })}`);
    } else if ((part.state === 'done' || part.state === 'failed') && isOfRun(status, part)) end(key, part);
  };
  return {
    show(status) {
      for (const part of status.parts) showPart(status, part);
    },
    close() {
      for (const step of steps.values()) step.fail('goes on there');
    },
  };
}

/** What was done by a run before is no news. */
function isOfRun({ startedAt }: SetupStatus, part: SetupPart): boolean {
  return part.startedAt !== null && startedAt !== null && part.startedAt >= startedAt;
}
