import { deleteSnapshot } from '../../app/snapshots.ts';
import { defineCommand } from '../command.ts';
import { manyArguments } from '../parameters.ts';
import { forAllNames } from '../several-errors.ts';

export const snapshotDelete = defineCommand({
  name: 'snapshot delete',
  summary: 'delete snapshots',
  arguments: {
    names: manyArguments('SNAPSHOT', 'names or ids', { complete: 'snapshots', required: true }),
  },
  options: {},
  examples: [
    { command: 'spuff snapshot delete tools-installed', about: 'delete one; it cannot be brought back' },
  ],
  run: async ({ arguments: { names } }, cli) => {
    await forAllNames([...new Set(names)], (name) => deleteSnapshot(cli.context, name));
  },
});
