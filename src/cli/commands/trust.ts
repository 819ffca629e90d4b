import type { ProjectTrust } from '../../app/project-trust.ts';
import { SpuffError } from '../../domain/errors.ts';
import { describeCommand } from '../ask-trust.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../parameters.ts';

export const trust = defineCommand({
  name: 'trust',
  summary: 'let the commands of this project give its variables, on this computer',
  details: [
    'A variable of spuff.yaml or spuff.secrets.yaml may be what a command prints: {from: command}. Such a command runs on your ' +
      'computer, as you. None runs before you have let it, here or where spuff up asks; one that is new or has changed is asked ' +
      'about again, and so is a copy of the project in another folder.',
    'What a command runs is not looked into: a script of the repository is what it is when it runs.',
  ],
  arguments: {},
  options: {
    show: flag('show the commands, and change nothing'),
    revoke: flag('trust no command of this project any more'),
  },
  examples: [
    { command: 'spuff trust --show', about: 'what would run here' },
    { command: 'spuff trust', about: 'let it run, without a question: for a script' },
    { command: 'spuff trust --revoke', about: 'ask again from now on' },
  ],
  json: 'trust',
  run: async ({ options }, cli) => {
    if (options.show && options.revoke)
      throw new SpuffError('usage', '--show and --revoke exclude each other');
    const project = await cli.context.project();
    if (project === null) {
      throw new SpuffError(
        'not-found',
        `${cli.context.directory} belongs to no project: it has no spuff.yaml`,
        {
          hints: ['go to the folder of the project'],
        },
      );
    }
    const { readProjectTrust, trustProject } = await import('../../app/project-trust.ts');
    if (options.revoke) (await cli.context.trust()).forget(project.root);
    else if (!options.show)
      await trustProject(cli.context, project, (await readProjectTrust(cli.context, project)).commands);
    report(cli, project.path, await readProjectTrust(cli.context, project));
  },
});

function report(cli: Cli, path: string, { commands, untrusted }: ProjectTrust): void {
  const trusted = commands.filter((one) => !untrusted.includes(one));
  if (cli.flags.json) {
    const shown = commands.map((one) => ({ ...one, trusted: trusted.includes(one) }));
    cli.printJson({ version: 1, project: path, commands: shown });
    return;
  }
  if (commands.length === 0) cli.say(`${path} has no command run on this computer`);
  if (trusted.length > 0) cli.print(['trusted:', ...trusted.map(describeCommand)].join('\n'));
  if (untrusted.length > 0) cli.print(['not trusted:', ...untrusted.map(describeCommand)].join('\n'));
}
