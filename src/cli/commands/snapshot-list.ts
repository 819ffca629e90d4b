import { listSnapshots } from '../../app/snapshots.ts';
import { defineCommand } from '../command.ts';
import { snapshotToJson } from '../render/snapshot.ts';
import { formatBytes, formatMoment, formatTable } from '../render/text.ts';

export const snapshotList = defineCommand({
  name: 'snapshot list',
  summary: 'list the snapshots',
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff snapshot list', about: 'what there is, the newest last' },
    { command: 'spuff snapshot list --json', about: 'the same for a program' },
  ],
  json: 'snapshots',
  run: async (_input, cli) => {
    const listed = await listSnapshots(cli.context);
    if (cli.flags.json) {
      const snapshots = listed.map(({ provider, snapshot }) => snapshotToJson(provider, snapshot));
      cli.printJson({ version: 1, snapshots });
      return;
    }
    if (listed.length === 0) {
      cli.say('no snapshots; make one: spuff snapshot create NAME');
      return;
    }
    const nowMs = cli.context.runtime.now();
    const rows = listed.map(({ provider, snapshot }) => [
      snapshot.name,
      snapshot.instanceName ?? '',
      provider,
      snapshot.sizeBytes === null ? '' : formatBytes(snapshot.sizeBytes),
      formatMoment(snapshot.createdAt, nowMs),
      snapshot.id.slice(0, 24),
    ]);
    cli.print(
      formatTable(rows, { header: ['NAME', 'OF', 'PROVIDER', 'SIZE', 'MADE', 'ID'], paint: cli.paint }),
    );
  },
});
