import { listPrebuilds } from '../../app/prebuilds.ts';
import { priceSnapshots } from '../../app/snapshot-cost.ts';
import { defineCommand } from '../command.ts';
import { sayTogether } from '../prune-listed.ts';
import { prebuildTable, prebuildToJson } from '../render/prebuild.ts';

export const prebuildList = defineCommand({
  name: 'prebuild list',
  summary: 'list the prebuilds',
  details: [
    'Of every project, at every provider in use, found by their names there. spuff snapshot list has them too. One that is not ' +
      "this computer's, or whose machine was forgotten, is started from with --snapshot alone.",
  ],
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff prebuild list', about: 'what there is, what each saves and costs' },
    { command: 'spuff prebuild list --json', about: 'the same for a program' },
  ],
  json: 'prebuilds',
  run: async (_input, cli) => {
    const priced = await priceSnapshots(cli.context, await listPrebuilds(cli.context));
    if (cli.flags.json) {
      cli.printJson({ version: 1, prebuilds: priced.map(prebuildToJson) });
      return;
    }
    if (priced.length === 0) {
      cli.say('no prebuilds; make one of this project: spuff prebuild create');
      return;
    }
    cli.print(prebuildTable(priced, cli.context.runtime.now(), cli.paint));
    sayTogether(cli, priced);
  },
});
