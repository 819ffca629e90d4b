import { findInstance } from '../../app/find-instance.ts';
import { listVolumes } from '../../app/volumes.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { volumeTable, volumeToJson } from '../render/volume.ts';

export const volumeLs = defineCommand({
  name: 'volume ls',
  summary: 'list the folders of instances that are mounted on this computer',
  details: ['Asks the system alone, no machine: it answers also when one is gone.'],
  arguments: { name: instanceArgument },
  options: {},
  examples: [
    { command: 'spuff volume ls', about: 'of all instances' },
    { command: 'spuff volume ls demo', about: 'of demo' },
  ],
  json: 'volumes',
  run: async ({ arguments: { name } }, cli) => {
    const key = name === undefined ? null : (await findInstance(cli.context, name)).key;
    const shown = (await listVolumes(cli.context, { key })).map((mount) => ({
      mount,
      state: 'mounted' as const,
    }));
    if (cli.flags.json) {
      cli.printJson({ version: 1, volumes: shown.map(({ mount, state }) => volumeToJson(mount, { state })) });
      return;
    }
    if (shown.length === 0) cli.say('nothing is mounted; mount something: spuff volume mount');
    else cli.print(volumeTable(shown, cli.paint));
  },
});
