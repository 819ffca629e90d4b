import { findReadyInstance } from '../../app/find-instance.ts';
import { priceSnapshots } from '../../app/snapshot-cost.ts';
import { createSnapshot, defaultSnapshotName } from '../../app/snapshots.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument, text } from '../parameters.ts';
import { snapshotToJson } from '../render/snapshot.ts';

export const snapshotCreate = defineCommand({
  name: 'snapshot create',
  summary: 'keep the disk of an instance under a name',
  arguments: { name: instanceArgument },
  options: { as: text('SNAPSHOT', 'what to call it; made of the name of the instance and the time') },
  examples: [
    { command: 'spuff snapshot create demo', about: 'keep the disk of demo' },
    { command: 'spuff snapshot create demo --as tools-installed', about: 'under a name of your own' },
  ],
  json: 'snapshots',
  run: async ({ arguments: { name }, options }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const wanted = options.as ?? defaultSnapshotName(instance.name, cli.context.runtime.now());
    const snapshot = await createSnapshot(cli.context, instance, wanted);
    if (cli.flags.json) {
      const listed = await priceSnapshots(cli.context, [{ provider: instance.provider, snapshot }]);
      const snapshots = listed.map(({ provider, monthly }) => snapshotToJson(provider, snapshot, monthly));
      cli.printJson({ version: 1, snapshots });
      return;
    }
    cli.print(snapshot.name);
    cli.say(`start another from it: spuff up NAME --snapshot ${snapshot.name}`);
  },
});
