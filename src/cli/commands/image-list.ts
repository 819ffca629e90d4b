import { listImages } from '../../app/images.ts';
import { formatBytes } from '../../domain/bytes.ts';
import { defineCommand } from '../command.ts';
import { imageToJson } from '../render/snapshot.ts';
import { formatMoment, formatTable } from '../render/text.ts';

export const imageList = defineCommand({
  name: 'image list',
  summary: 'list the base images',
  arguments: {},
  options: {},
  examples: [{ command: 'spuff image list', about: 'what there is' }],
  json: 'images',
  run: async (_input, cli) => {
    const images = await listImages(cli.context);
    if (cli.flags.json) {
      cli.printJson({ version: 1, images: images.map(imageToJson) });
      return;
    }
    if (images.length === 0) {
      cli.say('no images; build one: spuff image build');
      return;
    }
    const nowMs = cli.context.runtime.now();
    const rows = images.map((image) => [
      image.ref.kind === 'slug' ? image.ref.slug : image.ref.id,
      image.name,
      image.arch,
      image.sizeBytes === null ? '' : formatBytes(image.sizeBytes),
      image.createdAt === null ? '' : formatMoment(image.createdAt, nowMs),
    ]);
    cli.print(formatTable(rows, { header: ['IMAGE', 'SYSTEM', 'ARCH', 'SIZE', 'MADE'], paint: cli.paint }));
  },
});
