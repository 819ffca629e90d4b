import type { ProjectTrust } from '../../app/project-trust.ts';
import { SpuffError } from '../../domain/errors.ts';
import { describeWish } from '../ask-trust.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../parameters.ts';

export const trust = defineCommand({
  name: 'trust',
  summary: 'let this project have what of yours it asks for',
  details: [
    'The files of a project may have commands run on your computer ({from: command}), send variables that are named like ' +
      'credentials ($API_TOKEN), and put machines into your tailnet. Nothing of that happens before you have let it, here or where ' +
      'spuff up asks; what is new or has changed is asked about again, and so is a copy of the project in another folder.',
    'What a command runs is not looked into: a script of the repository is what it is when it runs.',
  ],
  arguments: {},
  options: {
    show: flag('show what it asks for, and change nothing'),
    revoke: flag('let it have nothing of this any more'),
  },
  examples: [
    { command: 'spuff trust --show', about: 'what it asks for' },
    { command: 'spuff trust', about: 'let it, without a question: for a script' },
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
      await trustProject(cli.context, project, (await readProjectTrust(cli.context, project)).wishes);
    report(cli, project.path, await readProjectTrust(cli.context, project));
  },
});

function report(cli: Cli, path: string, { wishes, untrusted }: ProjectTrust): void {
  const trusted = wishes.filter((one) => !untrusted.includes(one));
  if (cli.flags.json) {
    const shown = wishes.map((one) => ({ ...one, trusted: trusted.includes(one) }));
    cli.printJson({ version: 1, project: path, wishes: shown });
    return;
  }
  if (wishes.length === 0) cli.say(`${path} asks for nothing of yours`);
  if (trusted.length > 0) cli.print(['trusted:', ...trusted.map(describeWish)].join('\n'));
  if (untrusted.length > 0) cli.print(['not trusted:', ...untrusted.map(describeWish)].join('\n'));
}
