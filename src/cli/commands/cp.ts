import { copyFiles } from '../../app/copy-files.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { flag, manyArguments } from '../parameters.ts';

export const cp = defineCommand({
  name: 'cp',
  summary: 'copy files to or from an instance',
  details: [
    'A path on an instance is NAME:PATH; :PATH is on the instance of this directory. Paths that do ' +
      'not begin with / are under the home directory there. A file here with a colon in its name is ' +
      'written ./a:b, and one that begins with a hyphen comes after --. The exit status is that of ' +
      'scp, and 255 when no connection can be made.',
  ],
  arguments: {
    paths: manyArguments('PATH', 'one or more sources, and the destination', {
      complete: 'copy-paths',
      required: true,
    }),
  },
  options: { recursive: flag('copy directories with what is in them', { short: 'r' }) },
  examples: [
    { command: 'spuff cp notes.txt demo:notes.txt', about: 'a file to demo' },
    { command: 'spuff cp -r src demo:work/', about: 'a directory to demo' },
    { command: 'spuff cp :results.csv .', about: 'a file from the instance of this directory' },
  ],
  run: async ({ arguments: { paths }, options }, cli) => {
    const to = paths.at(-1);
    if (to === undefined || paths.length < 2) {
      throw new SpuffError('usage', 'spuff cp takes a source and a destination', {
        hints: ['for example: spuff cp notes.txt demo:notes.txt'],
      });
    }
    const request = { from: paths.slice(0, -1), to, recursive: options.recursive };
    try {
      return await copyFiles(cli.context, request);
    } catch (error) {
      // As ssh and exec end, and scp itself.
      if (!(error instanceof SpuffError) || error.code !== 'connection') throw error;
      cli.printError(error);
      return 255;
    }
  },
});
