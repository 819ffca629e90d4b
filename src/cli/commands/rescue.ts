import { findReadyInstance } from '../../app/find-instance.ts';
import { rescueInstance } from '../../app/rescue-instance.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defaultRescueLimits, defaultRescueTimeoutMs } from '../../domain/rescue.ts';
import { defineCommand } from '../command.ts';
import { byteCount, duration, instanceArgument } from '../parameters.ts';
import { describeTrailer, printLeftOut, rescueToJson, trailerToJson } from '../render/rescue.ts';

export const rescue = defineCommand({
  name: 'rescue',
  summary: 'save the work on an instance that lies nowhere else',
  details: [
    'Of the git repositories under the home: commits that no remote has, stashes, what is staged and what is changed, and untracked ' +
      'files that are not ignored. The instance is not changed. What is too large is left out and named.',
    'It arrives encrypted and is never plain on this computer, until spuff rescued open unpacks it. With the setting ' +
      'rescue: on the same happens before an instance is destroyed.',
  ],
  arguments: { name: instanceArgument },
  options: {
    maxFile: byteCount('the largest untracked file that is taken, such as 500k, 10M or 1G; 10M'),
    maxFiles: byteCount('the most of all untracked files together; 200M'),
    maxHistory: byteCount('the most of commits, stashes and changes together; 1G'),
    timeout: duration('how long it may take; 10m'),
  },
  examples: [
    { command: 'spuff rescue demo', about: 'save what is only on demo' },
    { command: 'spuff rescue demo --max-file 100M --max-files 2G', about: 'large files too' },
    { command: 'spuff rescue demo --json', about: 'what came of it, for a program' },
  ],
  json: 'rescue',
  onStop: 'stopping; what had arrived is not kept',
  run: async ({ arguments: { name }, options }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const outcome = await rescueInstance(cli.context, instance, {
      limits: {
        maxFileBytes: options.maxFile ?? defaultRescueLimits.maxFileBytes,
        maxFilesBytes: options.maxFiles ?? defaultRescueLimits.maxFilesBytes,
        maxHistoryBytes: options.maxHistory ?? defaultRescueLimits.maxHistoryBytes,
      },
      timeoutMs: options.timeout ?? defaultRescueTimeoutMs,
    });
    const { rescue: kept, trailer } = outcome;
    if (cli.flags.json) {
      cli.printJson({
        version: 1,
        instance: instance.name,
        rescue: kept && rescueToJson(kept),
        ...trailerToJson(trailer),
      });
    } else if (kept === null) cli.say(`all work on ${instance.name} is elsewhere too: nothing was saved`);
    else {
      cli.print(kept.name);
      cli.say(describeTrailer(trailer));
      printLeftOut(cli, trailer);
      cli.say(`unpack it: spuff rescued open ${kept.name}`);
    }
    if (trailer.lost > 0) {
      throw new SpuffError('conflict', `not all work on ${instance.name} could be saved`, {
        hints: [`look at it there: spuff ssh ${instance.name}`],
      });
    }
  },
});
