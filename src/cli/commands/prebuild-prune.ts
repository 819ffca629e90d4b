import { planPrebuildPruning } from '../../app/prebuilds.ts';
import { deleteListed } from '../../app/prune-snapshots.ts';
import { priceSnapshots } from '../../app/snapshot-cost.ts';
import { errorCodes } from '../../domain/errors.ts';
import { prebuildMaxAgeMs, prebuildsKept } from '../../domain/prebuild.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { duration, flag, wholeNumber } from '../parameters.ts';
import { mayDelete, sayForeign, sayTogether } from '../prune-listed.ts';
import { type PricedPrebuild, prebuildTable, prebuildToJson } from '../render/prebuild.ts';
import { forEachName } from '../several-errors.ts';

export const prebuildPrune = defineCommand({
  name: 'prebuild prune',
  summary: 'delete prebuilds that have had their time',
  details: [
    'A new prebuild does the same to those of its project. What goes: all but the newest of each project at each provider, the older ' +
      'of two that were made of the same, and what is too old to be started from. It shows what goes and what that costs a month, and ' +
      'asks; where it cannot ask, that takes --force.',
    'Only prebuilds of machines that this computer made, unless --all.',
  ],
  arguments: {},
  options: {
    keep: wholeNumber(`how many of each project stay, the newest (${prebuildsKept})`, {
      minimum: 0,
      maximum: 9_999,
    }),
    olderThan: duration('what is older goes, also among those (30d)'),
    all: flag('also of machines that this computer did not make, or has forgotten', { short: 'a' }),
    dryRun: flag('show what would go, and delete nothing'),
    force: flag('do not ask', { short: 'f' }),
  },
  examples: [
    { command: 'spuff prebuild prune', about: 'the newest two of each project stay' },
    { command: 'spuff prebuild prune --keep 0 --force', about: 'all of them go' },
    { command: 'spuff prebuild prune --older-than 7d --dry-run', about: 'what is older than a week' },
  ],
  json: 'prebuilds-pruned',
  run: async ({ options }, cli) => {
    const { stale, foreign } = await planPrebuildPruning(cli.context, {
      ...{ keep: options.keep ?? prebuildsKept, olderThanMs: options.olderThan ?? prebuildMaxAgeMs },
      all: options.all,
    });
    const priced = await priceSnapshots(cli.context, stale);
    if (!cli.flags.json) show(cli, priced, foreign);
    if (
      !options.dryRun &&
      !options.force &&
      priced.length > 0 &&
      !(await mayDelete(cli, priced.length, 'prebuild'))
    ) {
      cli.say('nothing was deleted');
      return errorCodes.interrupted.exitStatus;
    }
    const { results, failure } = options.dryRun
      ? { results: [], failure: null }
      : await deleteAll(cli, priced);
    if (cli.flags.json) {
      const deleted = results.map(prebuildToJson);
      cli.printJson({ version: 1, stale: priced.map(prebuildToJson), deleted, foreign });
    }
    if (failure !== null) throw failure;
    return 0;
  },
});

function show(cli: Cli, priced: readonly PricedPrebuild[], foreign: number): void {
  if (priced.length === 0) cli.say('no prebuild has to go');
  else {
    cli.print(prebuildTable(priced, cli.context.runtime.now(), cli.paint));
    sayTogether(cli, priced);
  }
  sayForeign(cli, foreign);
}

async function deleteAll(
  cli: Cli,
  priced: readonly PricedPrebuild[],
): Promise<{ results: PricedPrebuild[]; failure: unknown }> {
  const byId = new Map(priced.map((one) => [`${one.snapshot.name} (${one.snapshot.id.slice(0, 24)})`, one]));
  return forEachName([...byId.keys()], async (id) => {
    const one = byId.get(id) as PricedPrebuild;
    await deleteListed(cli.context, one);
    return one;
  });
}
