import { defineCommand } from '../command.ts';
import { formatTable } from '../render/text.ts';

export const configShow = defineCommand({
  name: 'config show',
  summary: 'show every setting, and where it comes from',
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff config show', about: 'what counts at this moment' },
    { command: 'spuff config show --json', about: 'the same for a program' },
  ],
  json: 'config',
  run: async (_input, cli) => {
    const store = await cli.services.openConfig();
    const written = store.read();
    const settings = store.keys.map((key) => ({
      key: key.name,
      value: written.get(key.name) ?? key.default,
      isDefault: !written.has(key.name),
      about: key.about,
    }));
    if (cli.flags.json) {
      cli.printJson({ version: 1, path: store.path, settings });
      return;
    }
    const rows = settings.map(({ key, value, isDefault }) => [
      key,
      value ?? '-',
      isDefault ? 'default' : 'set',
    ]);
    cli.print(formatTable(rows, { header: ['KEY', 'VALUE', 'FROM'], paint: cli.paint }));
    cli.say('what they mean: spuff config edit');
  },
});
