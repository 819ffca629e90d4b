import { enterContainer, isInContainer } from '../../app/enter-container.ts';
import { execCommand } from '../../app/exec-command.ts';
import { findReadyInstance } from '../../app/find-instance.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Instance } from '../../domain/instance.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, instanceArgument } from '../parameters.ts';

export const exec = defineCommand({
  name: 'exec',
  summary: 'run a command on an instance',
  details: [
    'Everything after -- is the command. No shell reads it, here or there: quotes, spaces and $ ' +
      'arrive as they are. For a pipe or a variable of the machine ask a shell of it: spuff exec demo ' +
      "-- sh -c 'ls | wc -l'.",
    'In a project with a devcontainer.json it runs in its container; --host runs it on the machine.',
    'Standard input is passed on. The exit status is that of the command, 128+n when signal n ended ' +
      'it, and 255 when the connection failed or broke. When spuff never came to run it (no such ' +
      'instance, a wrong option), the status is that of the error.',
  ],
  arguments: { name: instanceArgument },
  options: {
    tty: flag('allocate a terminal, for programs that draw on one', { short: 't' }),
    host: flag('on the machine itself, where the project has a dev container'),
    forwardAgent: flag('lend your ssh-agent as a session would, through the guard', { short: 'A' }),
  },
  rest: { placeholder: 'CMD...', about: 'the command and its arguments', required: true },
  examples: [
    { command: 'spuff exec demo -- uname -a', about: 'run a command on demo' },
    { command: 'spuff exec -- make test', about: 'run it on the instance of this directory' },
    { command: 'spuff exec demo -t -- htop', about: 'a program that needs a terminal' },
    { command: 'spuff exec demo -- tar xf - < project.tar', about: 'give it standard input' },
    { command: 'spuff exec demo --host -- docker ps', about: 'on the machine, not in its dev container' },
    { command: 'spuff exec demo -A -- git -C app pull', about: 'with your keys, for a private repository' },
  ],
  run: async ({ arguments: { name }, options, rest }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    try {
      const argv = options.host ? (rest ?? []) : await toCommand(cli, instance, rest ?? []);
      const lendAgent = options.forwardAgent ? await loadTelling(cli) : null;
      return await execCommand(cli.context, instance, { argv, tty: options.tty, lendAgent });
    } catch (error) {
      if (!(error instanceof SpuffError) || error.code !== 'connection') throw error;
      cli.printError(error);
      return 255;
    }
  },
});

/** Loaded when something is lent: most commands lend nothing. */
async function loadTelling(cli: Cli) {
  const { tellRefusals } = await import('../tell-refusals.ts');
  return tellRefusals(cli);
}

async function toCommand(
  { context }: Cli,
  instance: Instance,
  argv: readonly string[],
): Promise<readonly string[]> {
  return (await isInContainer(context, instance)) ? enterContainer(instance, argv) : argv;
}
