import { SpuffError } from '../domain/errors.ts';
import type { GuardStatus } from '../domain/guard.ts';
import type { GuardAnswer, GuardOperation } from '../domain/guard-control.ts';
import type { Instance } from '../domain/instance.ts';
import { escapeText } from '../lib/escape.ts';
import type { AppContext } from './context.ts';

/** Tells the guards that run for these instances; without them, for all that the state knows. */
export async function tellGuards(
  context: AppContext,
  operation: GuardOperation,
  instances?: readonly Instance[],
): Promise<GuardAnswer[]> {
  const meant = instances ?? (await context.state()).listInstances();
  const control = await context.guardControl();
  return control.tell(
    operation,
    meant.map(({ key }) => key),
  );
}

/**
 * What the guards say, when all of them did it.
 * @throws SpuffError `timeout` naming those that did not
 */
export function requireDone(answers: readonly GuardAnswer[]): GuardStatus[] {
  const failed = answers.filter((answer) => !answer.ok);
  if (failed.length > 0) {
    const lines = failed.map(
      ({ session, error }) =>
        `the guard of session ${session} did not do it: ${escapeText(error, { singleLine: true })}`,
    );
    throw new SpuffError('timeout', lines.join('\n'), {
      hints: ['end those sessions: their guards end with them', 'see which there are: spuff guard status'],
    });
  }
  return answers.flatMap((answer) => (answer.ok ? [answer.status] : []));
}
