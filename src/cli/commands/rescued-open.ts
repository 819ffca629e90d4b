import { resolve } from 'node:path';
import { openRescue, selectRescue } from '../../app/open-rescue.ts';
import { escapeText } from '../../lib/escape.ts';
import { defineCommand } from '../command.ts';
import { argument, text } from '../parameters.ts';
import { repositoryTable, rescueToJson } from '../render/rescue.ts';

export const rescuedOpen = defineCommand({
  name: 'rescued open',
  summary: 'decrypt a rescue and unpack it into a new folder',
  details: [
    'Each repository gets a folder: commits.bundle, staged.patch, changes.patch and untracked, as far as there is something. README.md says ' +
      'how to apply them. Nothing is overwritten, and nothing of it is run.',
    'A rescue was made by the machine, so one that holds links, or paths that lead elsewhere, is not unpacked at all.',
  ],
  arguments: {
    rescue: argument('RESCUE', 'the rescue, or the name of an instance, which means its newest', {
      complete: 'rescues',
    }),
  },
  options: {
    to: text('DIR', 'where; a folder named after it, in the working directory', { complete: 'files' }),
    identity: text('FILE', 'the private key that opens it, with the help of the program age', {
      complete: 'files',
    }),
  },
  examples: [
    { command: 'spuff rescued open demo', about: 'the newest of demo' },
    { command: 'spuff rescued open demo-20261128-053000 --to ~/saved', about: 'a certain one, elsewhere' },
    {
      command: 'spuff rescued open demo --identity ~/.ssh/id_ed25519',
      about: 'one that was encrypted to your SSH key (rescue_to)',
    },
  ],
  json: 'rescue-opened',
  onStop: 'stopping; what was unpacked is removed',
  run: async ({ arguments: { rescue: wanted }, options }, cli) => {
    const { context } = cli;
    const rescue = selectRescue((await context.rescues()).list(), wanted);
    const { directory, summary } = await openRescue(context, rescue, {
      to: options.to === undefined ? null : resolve(context.directory, options.to),
      identityPath: options.identity === undefined ? null : resolve(context.directory, options.identity),
    });
    if (cli.flags.json) {
      const { repositories, leftOut } = summary;
      cli.printJson({ version: 1, rescue: rescueToJson(rescue), directory, repositories, leftOut });
      return;
    }
    cli.print(directory);
    cli.say(repositoryTable(summary, cli.paint));
    cli.say(`how to apply it: ${escapeText(directory)}/README.md`);
  },
});
