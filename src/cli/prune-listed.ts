/** What deleting old disks says and asks, be they snapshots or prebuilds. */
import { SpuffError } from '../domain/errors.ts';
import { formatMoney } from '../domain/money.ts';
import type { Money } from '../domain/provider.ts';
import { sumMoney } from '../domain/spending.ts';
import type { Cli } from './cli.ts';

/** Nothing where nothing is billed, or nobody tells what. */
export function sayTogether(cli: Cli, priced: readonly { monthly: Money | null }[]): void {
  const sums = sumMoney(priced.flatMap(({ monthly }) => (monthly === null ? [] : [monthly])));
  if (sums.length > 0) cli.say(`together ${sums.map((one) => formatMoney(one)).join(' and ')} a month`);
}

/** How many more there would be that are not known to be the user's. */
export function sayForeign(cli: Cli, foreign: number): void {
  if (foreign > 0)
    cli.say(`of machines that this computer did not make there would be ${foreign} more, with --all`);
}

/** @throws SpuffError `usage` when there is nobody to ask */
export async function mayDelete(cli: Cli, count: number, noun: 'snapshot' | 'prebuild'): Promise<boolean> {
  const what = count === 1 ? `this ${noun}` : `these ${count} ${noun}s`;
  if (cli.canAsk && !cli.flags.json) return cli.services.questions.confirm(`Delete ${what}?`, false);
  throw new SpuffError('usage', `not sure that you mean ${what}, and nobody is there to ask`, {
    hints: ['add --force', 'or see what would go: --dry-run'],
  });
}
