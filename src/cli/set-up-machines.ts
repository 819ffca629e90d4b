import type { ProjectSetup } from '../app/setup-order.ts';
import type { SetupStatus } from '../app/watch-setup.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { Cli } from './cli.ts';
import { tellRefusals } from './tell-refusals.ts';

/**
 * Makes of new machines what their project asks for, one after the other: each may want to ask its user something.
 * @param onStatus hears of each that is all done
 * @throws SpuffError `setup` for the first that is not what it should be; the machines stay
 */
export async function setUpMachines(
  cli: Cli,
  instances: readonly Instance[],
  setup: ProjectSetup,
  onStatus: (instance: Instance, status: SetupStatus) => void = () => undefined,
): Promise<void> {
  const { setUpProject, setupError } = await import('../app/run-setup.ts');
  let failure: SpuffError | null = null;
  for (const instance of instances) {
    const wishes = { only: null, again: false, onRefused: tellRefusals(cli) };
    try {
      const status = await setUpProject(cli.context, instance, setup, wishes);
      const error = setupError(instance, status);
      if (error !== null) throw error;
      if (!cli.flags.json) cli.print(`${instance.name} is set up for ${setup.project.name}`);
      onStatus(instance, status);
    } catch (error) {
      if (!(error instanceof SpuffError) || ['interrupted', 'internal'].includes(error.code)) throw error;
      if (failure !== null) cli.printError(failure);
      failure = withWayOn(instance, error);
    }
  }
  if (failure !== null) throw failure;
}

/** Whatever it was, the machine is there, and can be gone on with. */
function withWayOn({ name }: Instance, error: SpuffError): SpuffError {
  if (error.code === 'setup') return error;
  const hints = [...error.hints, `${name} is there; go on with its setup: spuff setup ${name}`];
  return new SpuffError(error.code, error.message, { hints, cause: error });
}
