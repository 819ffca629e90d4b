import { removeImage } from '../../app/images.ts';
import { defineCommand } from '../command.ts';
import { manyArguments } from '../parameters.ts';
import { forAllNames } from '../several-errors.ts';

export const imageRm = defineCommand({
  name: 'image rm',
  summary: 'remove base images',
  arguments: { names: manyArguments('IMAGE', 'names or ids', { complete: 'images', required: true }) },
  options: {},
  examples: [{ command: 'spuff image rm debian-12', about: 'remove one; spuff image build makes it again' }],
  run: async ({ arguments: { names } }, cli) => {
    await forAllNames([...new Set(names)], (name) => removeImage(cli.context, name));
  },
});
