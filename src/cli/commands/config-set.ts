import { defineCommand } from '../command.ts';
import { argument } from '../parameters.ts';

export const configSet = defineCommand({
  name: 'config set',
  summary: 'change a setting',
  details: [
    'The value is checked first. Comments in the file stay. What is running already is not changed by it.',
  ],
  arguments: {
    key: argument('KEY', 'which', { complete: 'config-keys' }),
    value: argument('VALUE', 'what it shall be', { complete: 'config-values' }),
  },
  options: {},
  examples: [
    { command: 'spuff config set user alice', about: 'the login user of new machines' },
    {
      command: 'spuff config set idle_timeout 30m',
      about: 'new machines power off after half an hour without use',
    },
  ],
  run: async ({ arguments: { key, value } }, cli) => {
    const store = await cli.services.openConfig();
    store.set({ [key]: value });
  },
});
