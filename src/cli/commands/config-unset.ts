import { defineCommand } from '../command.ts';
import { findConfigKey } from '../find-config-key.ts';
import { argument } from '../parameters.ts';

export const configUnset = defineCommand({
  name: 'config unset',
  summary: 'go back to the default of a setting',
  arguments: { key: argument('KEY', 'which', { complete: 'config-keys' }) },
  options: {},
  examples: [{ command: 'spuff config unset size', about: "the provider's default size again" }],
  run: async ({ arguments: { key } }, cli) => {
    const store = await cli.services.openConfig();
    const { name, default: value } = findConfigKey(store, key);
    if (!store.unset(name)) cli.say(`${name} was not set`);
    else cli.say(`${name} is ${value ?? 'without a value'} again`);
  },
});
