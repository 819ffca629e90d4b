import { defineCommand } from '../command.ts';
import { rescueTable, rescueToJson } from '../render/rescue.ts';

export const rescuedList = defineCommand({
  name: 'rescued list',
  summary: 'list the rescues on this computer',
  details: ['What is in one only shows when it is opened.'],
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff rescued list', about: 'the newest first' },
    { command: 'spuff rescued list --json', about: 'the same for a program' },
  ],
  json: 'rescues',
  run: async (_input, cli) => {
    const rescues = (await cli.context.rescues()).list();
    if (cli.flags.json) cli.printJson({ version: 1, rescues: rescues.map(rescueToJson) });
    else if (rescues.length === 0) cli.say('there is no rescue: spuff rescue NAME makes one');
    else cli.print(rescueTable(rescues, cli.context.runtime.now(), cli.paint));
  },
});
