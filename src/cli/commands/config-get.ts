import { defineCommand } from '../command.ts';
import { findConfigKey } from '../find-config-key.ts';
import { argument } from '../parameters.ts';
import { oneLine } from '../render/text.ts';

export const configGet = defineCommand({
  name: 'config get',
  summary: 'print one setting',
  details: ['Prints an empty line for a setting that has no value.'],
  arguments: { key: argument('KEY', 'which', { complete: 'config-keys' }) },
  options: {},
  examples: [{ command: 'spuff config get user', about: 'the login user of machines' }],
  json: 'config-value',
  run: async ({ arguments: { key } }, cli) => {
    const store = await cli.services.openConfig();
    const known = findConfigKey(store, key);
    const written = store.read();
    const value = written.get(known.name) ?? known.default;
    if (cli.flags.json) {
      cli.printJson({ version: 1, key: known.name, value, isDefault: !written.has(known.name) });
      return;
    }
    cli.print(oneLine(value ?? ''));
  },
});
