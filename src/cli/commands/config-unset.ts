import { defineCommand } from '../command.ts';
import { findConfigKey } from '../find-config-key.ts';
import { argument } from '../parameters.ts';
import { oneLine } from '../render/text.ts';

export const configUnset = defineCommand({
  name: 'config unset',
  summary: 'go back to the default of a setting',
  details: ['Also takes out of the file what is no setting, such as one that was misspelt.'],
  arguments: { key: argument('KEY', 'which', { complete: 'config-keys' }) },
  options: {},
  examples: [{ command: 'spuff config unset size', about: "the provider's default size again" }],
  run: async ({ arguments: { key } }, cli) => {
    const store = await cli.services.openConfig();
    const isThere = store.unset(key);
    // What the file says of a setting that there is not is taken out all the same: who would mend the file otherwise?
    const known = store.keys.find(({ name }) => name === key);
    if (!isThere) cli.say(`${findConfigKey(store, key).name} was not set`);
    else if (known) cli.say(`${key} is ${known.default ?? 'without a value'} again`);
    else cli.say(`${oneLine(key)} is taken out`);
  },
});
