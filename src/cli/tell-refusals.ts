import { describeRefusal } from '../app/describe-refusal.ts';
import type { GuardRecord } from '../domain/guard.ts';
import type { Cli } from './cli.ts';

/** How long the same refusal is not told again. */
const quietMs = 10_000;

/**
 * A line in the middle of the session, for which ssh has the terminal: there a newline alone does not go back to the left
 * edge. The same refusal is told once, and no more often than a person can read.
 */
export function tellRefusals(cli: Cli): (record: GuardRecord) => void {
  const { err } = cli.terminal;
  const ending = err.isTerminal ? '\r\n' : '\n';
  const told = new Map<string, number>();
  return (record) => {
    const { message, hint } = describeRefusal(record);
    const now = cli.context.runtime.now();
    if (now - (told.get(message) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    told.set(message, now);
    const lines = [`spuff: ${message}`, ...(hint === null ? [] : [`spuff: ${hint}`])];
    err.write(`${err.isTerminal ? ending : ''}${lines.join(ending)}${ending}`);
  };
}
