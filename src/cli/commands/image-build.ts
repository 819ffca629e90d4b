import { buildImage } from '../../app/images.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../parameters.ts';
import { imageToJson } from '../render/snapshot.ts';
import { oneLine } from '../render/text.ts';

export const imageBuild = defineCommand({
  name: 'image build',
  summary: 'build the base image of local machines',
  details: ['It is made of Debian packages, and kept until its recipe changes. spuff up needs it.'],
  arguments: {},
  options: { force: flag('build it again also when it is there', { short: 'f' }) },
  examples: [
    { command: 'spuff image build', about: 'build it, unless it is there' },
    { command: 'spuff image build --force', about: 'build it with the packages of today' },
  ],
  json: 'images',
  run: async ({ options }, cli) => {
    const { image } = await buildImage(cli.context, { force: options.force });
    if (cli.flags.json) {
      cli.printJson({ version: 1, images: [imageToJson(image)] });
      return;
    }
    cli.print(oneLine(image.ref.kind === 'slug' ? image.ref.slug : image.ref.id));
    cli.say('make a machine of it: spuff up');
  },
});
