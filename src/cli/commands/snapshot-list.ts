import { priceSnapshots } from '../../app/snapshot-cost.ts';
import { listSnapshots } from '../../app/snapshots.ts';
import { defineCommand } from '../command.ts';
import { sayTogether } from '../prune-listed.ts';
import { snapshotTable, snapshotToJson } from '../render/snapshot.ts';

export const snapshotList = defineCommand({
  name: 'snapshot list',
  summary: 'list the snapshots',
  details: [
    'With what each costs a month where the provider tells its size and a price. AWS bills what changed since the one before, and ' +
      'tells neither that nor what it comes to: not known.',
  ],
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff snapshot list', about: 'what there is, the newest last' },
    { command: 'spuff snapshot list --json', about: 'the same for a program' },
  ],
  json: 'snapshots',
  run: async (_input, cli) => {
    const listed = await priceSnapshots(cli.context, await listSnapshots(cli.context));
    if (cli.flags.json) {
      const snapshots = listed.map(({ provider, snapshot, monthly }) =>
        snapshotToJson(provider, snapshot, monthly),
      );
      cli.printJson({ version: 1, snapshots });
      return;
    }
    if (listed.length === 0) {
      cli.say('no snapshots; make one: spuff snapshot create NAME');
      return;
    }
    cli.print(snapshotTable(listed, cli.context.runtime.now(), cli.paint));
    sayTogether(cli, listed);
  },
});
