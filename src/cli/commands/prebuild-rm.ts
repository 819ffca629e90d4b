import { deletePrebuild } from '../../app/prebuilds.ts';
import { defineCommand } from '../command.ts';
import { manyArguments } from '../parameters.ts';
import { forAllNames } from '../several-errors.ts';

export const prebuildRm = defineCommand({
  name: 'prebuild rm',
  summary: 'delete prebuilds',
  arguments: {
    names: manyArguments('PREBUILD', 'names or ids', { complete: 'prebuilds', required: true }),
  },
  options: {},
  examples: [
    {
      command: 'spuff prebuild rm prebuild.shop.0123456789abcdef.41s-3f2a',
      about: 'delete one; spuff prebuild create makes it again',
    },
  ],
  run: async ({ arguments: { names } }, cli) => {
    await forAllNames([...new Set(names)], (name) => deletePrebuild(cli.context, name));
  },
});
