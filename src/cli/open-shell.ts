import type { AppContext } from '../app/context.ts';
import { openSession } from '../app/open-session.ts';
import { formatDuration } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { Cli } from './cli.ts';
import { tellRefusals } from './tell-refusals.ts';

/** What ssh exits with when the connection failed or broke. */
const connectionFailed = 255;

/** What a session has besides the shell. */
interface ShellRequest {
  /** Further options for ssh, and perhaps a command. */
  sshArgs: readonly string[];
  /** On the machine, also where the project has a dev container. */
  host: boolean;
}

/** An interactive session, and afterwards what is left and how to come back. */
export async function openShell(cli: Cli, instance: Instance, request: ShellRequest): Promise<number> {
  const status = await runSession(cli, instance, request);
  const { name, expiresAt } = instance;
  const left =
    expiresAt === null ? '' : ` for ${formatDuration(expiresAt.getTime() - cli.context.runtime.now())}`;
  const fate = status === connectionFailed ? 'is not destroyed' : `keeps running${left}`;
  cli.say(`${name} ${fate}. Come back: spuff ssh ${name}   Destroy it: spuff down ${name}`);
  return status;
}

async function runSession(cli: Cli, instance: Instance, request: ShellRequest): Promise<number> {
  try {
    const { sshArgs, host } = request;
    const { container, ports } = await readProject(cli.context, instance);
    const inContainer = container !== null && !host;
    return await openSession(cli.context, instance, {
      ...{ sshArgs, ports, inContainer, onRefused: tellRefusals(cli) },
    });
  } catch (error) {
    if (!(error instanceof SpuffError) || error.code !== 'connection') throw error;
    cli.printError(error);
    return connectionFailed;
  }
}

/** Its ports are carried to this computer as long as the session lasts. A file that is wrong must not keep anybody out. */
async function readProject(
  context: AppContext,
  { directory }: Instance,
): Promise<Pick<ProjectFile, 'container' | 'ports'>> {
  const nothing = { container: null, ports: [] };
  try {
    return (await context.project(directory)) ?? nothing;
  } catch (error) {
    if (!(error instanceof SpuffError)) throw error;
    context.progress.warn(
      `no ports are forwarded, and this is on the machine itself: ${error.message}`,
      error.hints,
    );
    return nothing;
  }
}
