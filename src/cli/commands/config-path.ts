import { defineCommand } from '../command.ts';

export const configPath = defineCommand({
  name: 'config path',
  summary: 'print where the settings are',
  arguments: {},
  options: {},
  examples: [{ command: 'spuff config path', about: 'the file; SPUFF_HOME moves it' }],
  json: 'config-path',
  run: async (_input, cli) => {
    const { path } = await cli.services.openConfig();
    if (cli.flags.json) cli.printJson({ version: 1, path });
    else cli.print(path);
  },
});
