import { describeOwnKeys } from '../../app/own-keys.ts';
import { defineCommand } from '../command.ts';
import { keyToJson, printKeys } from '../render/key.ts';

export const keyList = defineCommand({
  name: 'key list',
  summary: "list the login keys of spuff's own, and what they open",
  details: [
    'Asks the providers of your instances where each key is registered. A key is retiring while a rotation has not come ' +
      'to its end.',
  ],
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff key list', about: 'how old it is, and which machines it opens' },
    { command: 'spuff key list --json', about: 'the same for a program' },
  ],
  json: 'keys',
  run: async (_input, cli) => {
    const store = await cli.services.openOwnKeys();
    const reports = await describeOwnKeys(cli.context, store, { asksProviders: true });
    if (cli.flags.json) cli.printJson({ version: 1, keys: reports.map(keyToJson) });
    else printKeys(cli, reports);
  },
});
