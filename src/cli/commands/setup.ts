import { findReadyInstance } from '../../app/find-instance.ts';
import type { SetupStatus } from '../../app/watch-setup.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Instance } from '../../domain/instance.ts';
import { type SetupSelection, setupSelections } from '../../domain/setup.ts';
import { askTrust } from '../ask-trust.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, instanceArgument, text } from '../parameters.ts';
import { describeSetup, setupToJson } from '../render/setup.ts';
import { bringFiles } from '../set-up-machines.ts';

export const setup = defineCommand({
  name: 'setup',
  summary: 'make of an instance what its spuff.yaml asks for, or go on where that stands',
  details: [
    'The files of the project are brought there first, as spuff sync does; spuff up does all of it as well. What is done and has not changed in the file is not done again; what failed, and what ' +
      'waited for it, is. A setup that is at work already is shown.',
    'It runs on the machine by itself: a lost connection and Ctrl-C end the showing alone. Meanwhile your keys are lent ' +
      'as in a session, so that private repositories can be cloned.',
    `--only takes ${setupSelections.join(', ')}; several with commas. --again repeats what is done.`,
  ],
  arguments: { name: instanceArgument },
  options: {
    only: text('PARTS', 'nothing but these parts'),
    again: flag('also what is done and unchanged'),
    stop: flag('end the setup that is at work; what it has done stays'),
  },
  examples: [
    { command: 'spuff setup', about: 'the instance of this directory' },
    { command: 'spuff setup demo --only packages,bundles', about: 'no commands of the project' },
    { command: 'spuff setup demo --only scripts --again', about: 'run the setup commands once more' },
    { command: 'spuff setup demo --stop', about: 'end what is at work' },
  ],
  json: 'setup',
  onStop: 'the setup goes on on the machine',
  run: async ({ arguments: { name }, options }, cli) => {
    const only = readSelections(options.only);
    if (options.stop && (only !== null || options.again))
      throw new SpuffError('usage', '--stop excludes --only and --again');
    const instance = await findReadyInstance(cli.context, name);
    if (options.stop) return stop(cli, instance);
    const { setupError } = await import('../../app/run-setup.ts');
    const status = await runOrJoin(cli, instance, { only, again: options.again });
    if (cli.flags.json) cli.printJson(setupToJson(instance, status));
    else cli.print(describeSetup(status, cli.paint));
    const error = setupError(instance, status);
    if (error !== null) throw error;
  },
});

function readSelections(written: string | undefined): SetupSelection[] | null {
  if (written === undefined) return null;
  return written.split(',').map((word) => {
    const found = setupSelections.find((one) => one === word.trim());
    if (found) return found;
    throw new SpuffError('usage', `${JSON.stringify(word.trim())} is no part of a setup`, {
      hints: [`there are: ${setupSelections.join(', ')}`],
    });
  });
}

async function runOrJoin(
  cli: Cli,
  instance: Instance,
  wishes: { only: SetupSelection[] | null; again: boolean },
): Promise<SetupStatus> {
  const { joinSetup, setUpProject } = await import('../../app/run-setup.ts');
  const { readProjectSetup } = await import('../../app/setup-order.ts');
  const { tellRefusals } = await import('../tell-refusals.ts');
  const onRefused = tellRefusals(cli);
  const joined = await joinSetup(cli.context, instance, onRefused);
  if (joined !== null) return joined;
  const file = await cli.context.project(instance.directory);
  if (file !== null) await askTrust(cli, file);
  const project = await readProjectSetup(cli.context, instance.directory);
  if (project !== null && needsFiles(wishes.only)) await bringFiles(cli, instance, project.project);
  if (project !== null) return setUpProject(cli.context, instance, project, { ...wishes, onRefused });
  throw new SpuffError(
    'not-found',
    `nothing is to be set up: ${instance.directory} has no spuff.yaml that asks for anything, and no devcontainer.json`,
    {
      hints: ['begin one there: spuff init --project'],
    },
  );
}

/** Only some parts look at the project's files. */
function needsFiles(only: SetupSelection[] | null): boolean {
  return (
    only === null || only.some((part) => ['scripts', 'services', 'devcontainer', 'hooks'].includes(part))
  );
}

async function stop(cli: Cli, instance: Instance): Promise<void> {
  const { stopSetup } = await import('../../app/send-setup.ts');
  const { askAgent } = await import('../../app/ask-agent.ts');
  const wasRunning = await stopSetup(cli.context, instance);
  if (cli.flags.json) {
    const status = await askAgent(cli.context, instance, 'projectStatus');
    cli.printJson(setupToJson(instance, status));
    return;
  }
  cli.print(
    wasRunning
      ? `the setup on ${instance.name} is ended; go on with it: spuff setup ${instance.name}`
      : `no setup is at work on ${instance.name}`,
  );
}
