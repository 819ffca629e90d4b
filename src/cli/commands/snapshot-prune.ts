import { deleteListed, planPruning } from '../../app/prune-snapshots.ts';
import { type PricedSnapshot, priceSnapshots } from '../../app/snapshot-cost.ts';
import { errorCodes, SpuffError } from '../../domain/errors.ts';
import type { Retention } from '../../domain/pick-surplus.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { duration, flag, wholeNumber } from '../parameters.ts';
import { mayDelete, sayForeign, sayTogether } from '../prune-listed.ts';
import { snapshotTable, snapshotToJson } from '../render/snapshot.ts';
import { forEachName } from '../several-errors.ts';

export const snapshotPrune = defineCommand({
  name: 'snapshot prune',
  summary: 'delete snapshots that are too many, or too old',
  details: [
    'Counts by the name of the instance that they were taken of, at each provider. With both --keep and --older-than a snapshot goes that ' +
      'both let go; with neither the setting keep_snapshots counts. It shows what goes and what that costs a month, and asks; ' +
      'where it cannot ask, that takes --force.',
    'Only snapshots of machines that this computer made, unless --all: in a shared account an instance of somebody else may have the same ' +
      'name. What a machine or another snapshot stands on may be refused by its provider, and stays.',
  ],
  arguments: {},
  options: {
    keep: wholeNumber('how many of each instance name stay, the newest', { minimum: 0, maximum: 9_999 }),
    olderThan: duration('only what is older (30d)'),
    all: flag('also of machines that this computer did not make, or has forgotten', { short: 'a' }),
    dryRun: flag('show what would go, and delete nothing'),
    force: flag('do not ask', { short: 'f' }),
  },
  examples: [
    { command: 'spuff snapshot prune --keep 3', about: 'the newest three of each instance name stay' },
    {
      command: 'spuff snapshot prune --older-than 30d --dry-run',
      about: 'what is older than a month, and what it costs',
    },
    { command: 'spuff snapshot prune --keep 1 --older-than 7d --force', about: 'as a scheduled job' },
  ],
  json: 'snapshots-pruned',
  run: async ({ options }, cli) => {
    const retention = await chooseRetention(cli, options);
    const { surplus, foreign } = await planPruning(cli.context, { ...retention, all: options.all });
    const priced = await priceSnapshots(cli.context, surplus);
    if (!cli.flags.json) show(cli, priced, foreign);
    if (
      !options.dryRun &&
      !options.force &&
      priced.length > 0 &&
      !(await mayDelete(cli, priced.length, 'snapshot'))
    ) {
      cli.say('nothing was deleted');
      return errorCodes.interrupted.exitStatus;
    }
    const { results, failure } = options.dryRun
      ? { results: [], failure: null }
      : await deleteAll(cli, priced);
    if (cli.flags.json) {
      const toJson = ({ provider, snapshot, monthly }: PricedSnapshot) =>
        snapshotToJson(provider, snapshot, monthly);
      cli.printJson({ version: 1, surplus: priced.map(toJson), deleted: results.map(toJson), foreign });
    }
    if (failure !== null) throw failure;
    return 0;
  },
});

/** What is on the command line counts alone: who says an age does not mean a number that stands elsewhere. */
async function chooseRetention(
  cli: Cli,
  { keep, olderThan }: { keep: number | undefined; olderThan: number | undefined },
): Promise<Retention> {
  if (keep !== undefined || olderThan !== undefined)
    return { keep: keep ?? null, olderThanMs: olderThan ?? null };
  const { keepSnapshots } = await cli.context.settings();
  if (keepSnapshots !== null) return { keep: keepSnapshots, olderThanMs: null };
  throw new SpuffError('usage', 'nothing says which snapshots are to go', {
    hints: ['say how many stay, or for how long: --keep 3, --older-than 30d'],
  });
}

function show(cli: Cli, priced: readonly PricedSnapshot[], foreign: number): void {
  if (priced.length === 0) cli.say('no snapshot has to go');
  else {
    cli.print(snapshotTable(priced, cli.context.runtime.now(), cli.paint));
    sayTogether(cli, priced);
  }
  sayForeign(cli, foreign);
}

/** One after the other, the newest first: a snapshot may stand on an older one. */
async function deleteAll(
  cli: Cli,
  priced: readonly PricedSnapshot[],
): Promise<{ results: PricedSnapshot[]; failure: unknown }> {
  const byId = new Map(priced.map((one) => [`${one.snapshot.name} (${one.snapshot.id.slice(0, 24)})`, one]));
  let before: Promise<unknown> = Promise.resolve();
  return forEachName([...byId.keys()].reverse(), (id) => {
    const one = byId.get(id) as PricedSnapshot;
    const work = before.then(() => deleteListed(cli.context, one));
    before = work.catch(() => undefined);
    return work.then(() => one);
  });
}
