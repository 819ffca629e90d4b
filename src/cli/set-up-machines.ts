import type { ProjectSetup } from '../app/setup-order.ts';
import type { SetupStatus } from '../app/watch-setup.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { Cli } from './cli.ts';
import { tellRefusals } from './tell-refusals.ts';

export interface ProjectWork {
  project: ProjectFile;
  /** null: its file asks for nothing but its files. */
  setup: ProjectSetup | null;
}

/**
 * Brings the files of their project to new machines and makes of these what it asks for, one after the other: each may want to
 * ask its user something.
 * @param onStatus hears of each that is all done
 * @throws SpuffError `setup` for the first that is not what it should be; the machines stay
 */
export async function setUpMachines(
  cli: Cli,
  instances: readonly Instance[],
  { project, setup }: ProjectWork,
  onStatus: (instance: Instance, status: SetupStatus) => void = () => undefined,
): Promise<void> {
  let failure: SpuffError | null = null;
  for (const instance of instances) {
    try {
      await bringFiles(cli, instance, project);
      if (setup !== null) onStatus(instance, await setUp(cli, instance, setup));
    } catch (error) {
      if (!(error instanceof SpuffError) || ['interrupted', 'internal'].includes(error.code)) throw error;
      if (failure !== null) cli.printError(failure);
      failure = withWayOn(instance, error);
    }
  }
  if (failure !== null) throw failure;
}

/** As its file says; nothing for `sync: none`. */
export async function bringFiles({ context }: Cli, instance: Instance, project: ProjectFile): Promise<void> {
  if (project.sync === 'none') return;
  const { syncProject } = await import('../app/sync-tree.ts');
  await syncProject(context, instance, project);
}

async function setUp(cli: Cli, instance: Instance, setup: ProjectSetup): Promise<SetupStatus> {
  const { setUpProject, setupError } = await import('../app/run-setup.ts');
  const wishes = { only: null, again: false, onRefused: tellRefusals(cli) };
  const status = await setUpProject(cli.context, instance, setup, wishes);
  const error = setupError(instance, status);
  if (error !== null) throw error;
  if (!cli.flags.json) cli.print(`${instance.name} is set up for ${setup.project.name}`);
  return status;
}

/** Whatever it was, the machine is there, and can be gone on with. */
function withWayOn({ name }: Instance, error: SpuffError): SpuffError {
  if (error.code === 'setup') return error;
  const hints = [...error.hints, `${name} is there; go on with its setup: spuff setup ${name}`];
  return new SpuffError(error.code, error.message, { hints, cause: error });
}
