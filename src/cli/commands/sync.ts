import { findReadyInstance } from '../../app/find-instance.ts';
import type { syncDown } from '../../app/sync-down.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Instance } from '../../domain/instance.ts';
import type { ProjectFile } from '../../domain/project.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, instanceArgument } from '../parameters.ts';
import { describeSync, syncToJson } from '../render/sync.ts';

export const sync = defineCommand({
  name: 'sync',
  summary: "bring a project's files to its instance, or back",
  details: [
    'What git ignores stays here, and so do secrets; commits go along. spuff up and spuff setup do it as well.',
    'What was changed on the instance is never overwritten without a word: where a file was changed here too, nothing is ' +
      'sent. --down brings what was changed there alone, and names what was changed on both sides; commits, and what runs on ' +
      'this computer by itself, such as hooks of git and spuff.yaml, are left there.',
  ],
  arguments: { name: instanceArgument },
  options: {
    watch: flag('go on bringing what changes here, until Ctrl-C', { short: 'w' }),
    down: flag('from the instance to here'),
    force: flag('let the side that is sent win where both were changed'),
    delete: flag('with --down: remove here what is gone there'),
    dryRun: flag('show what would be brought, and bring nothing'),
  },
  examples: [
    { command: 'spuff sync', about: 'the project of this directory, to its instance' },
    { command: 'spuff sync demo --dry-run', about: 'what would be sent' },
    { command: 'spuff sync --watch', about: 'while you work: each change as it is saved' },
    { command: 'spuff sync --down', about: 'what was changed there' },
  ],
  json: 'sync',
  onStop: 'stopping; what has arrived stays',
  run: async ({ arguments: { name }, options }, cli) => {
    if (options.delete && !options.down) throw new SpuffError('usage', '--delete goes with --down alone');
    if (options.watch && (options.down || options.force || options.dryRun))
      throw new SpuffError('usage', '--watch goes with none of --down, --force and --dry-run');
    const { instance, project } = await findProject(cli, name);
    if (options.watch) return watch(cli, instance, project);
    const report = options.down
      ? await down(cli, instance, project, options)
      : await up(cli, instance, project, options);
    if (cli.flags.json) cli.printJson(syncToJson(instance, report));
    else cli.print(describeSync(instance, report));
    if (report.conflicts.length > 0 && !report.dryRun) throw conflictsLeft(instance, report.conflicts);
  },
});

async function findProject(cli: Cli, name: string | undefined) {
  const instance = await findReadyInstance(cli.context, name);
  const project = await cli.context.project(instance.directory);
  if (project !== null) return { instance, project };
  throw new SpuffError('not-found', `${instance.directory} has no spuff.yaml: there is nothing to bring`, {
    hints: ['begin one there: spuff init --project', 'for single files: spuff cp'],
  });
}

type Wishes = Parameters<typeof syncDown>[3];

async function up({ context }: Cli, instance: Instance, project: ProjectFile, wishes: Wishes) {
  const { syncProject } = await import('../../app/sync-tree.ts');
  return syncProject(context, instance, project, wishes);
}

async function watch(cli: Cli, instance: Instance, project: ProjectFile): Promise<void> {
  if (project.sync === 'none') throw new SpuffError('config', `${project.path} has sync: none`);
  const { watchTree } = await import('../../app/watch-tree.ts');
  cli.say(`bringing what changes in ${project.root} to ${instance.name}; end with Ctrl-C`);
  await watchTree(cli.context, instance, project, (report) => {
    if (cli.flags.json) cli.printJson(syncToJson(instance, report));
    else cli.print(describeSync(instance, report));
  });
}

async function down({ context }: Cli, instance: Instance, project: ProjectFile, wishes: Wishes) {
  const { syncDown } = await import('../../app/sync-down.ts');
  return syncDown(context, instance, project, wishes);
}

/** They are named above, all of them. */
function conflictsLeft({ name }: Instance, paths: readonly string[]): SpuffError {
  const what = paths.length === 1 ? '1 file was' : `${paths.length} files were`;
  return new SpuffError('conflict', `${what} changed on ${name} and here, and left as they are`, {
    hints: [
      `look at one there: spuff cp ${name}:PATH /tmp/there`,
      `let what is there win: spuff sync ${name} --down --force`,
    ],
  });
}
