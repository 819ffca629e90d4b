import { findReadyInstance } from '../../app/find-instance.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { flag, instanceArgument } from '../parameters.ts';
import { describeSync, syncToJson } from '../render/sync.ts';

export const sync = defineCommand({
  name: 'sync',
  summary: "bring a project's files to its instance",
  details: [
    'What git ignores stays here, and so do secrets; commits go along. spuff up does it as well.',
    'What was changed on the instance is never overwritten without a word: where a file was changed here too, nothing is sent.',
  ],
  arguments: { name: instanceArgument },
  options: {
    force: flag('let this side win where both were changed'),
    dryRun: flag('show what would be brought, and bring nothing'),
  },
  examples: [
    { command: 'spuff sync', about: 'the project of this directory, to its instance' },
    { command: 'spuff sync demo --dry-run', about: 'what would be sent' },
  ],
  json: 'sync',
  run: async ({ arguments: { name }, options }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const project = await cli.context.project(instance.directory);
    if (project === null) {
      throw new SpuffError(
        'not-found',
        `${instance.directory} has no spuff.yaml: there is nothing to bring`,
        {
          hints: ['begin one there: spuff init --project', 'for single files: spuff cp'],
        },
      );
    }
    const { syncProject } = await import('../../app/sync-tree.ts');
    const report = await syncProject(cli.context, instance, project, options);
    if (cli.flags.json) cli.printJson(syncToJson(instance, report));
    else cli.print(describeSync(instance, report));
  },
});
