import type { AppContext } from '../app/context.ts';
import { openSession } from '../app/open-session.ts';
import { formatDuration } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { PortWish } from '../domain/project.ts';
import type { Cli } from './cli.ts';
import { tellRefusals } from './tell-refusals.ts';

/** What ssh exits with when the connection failed or broke. */
const connectionFailed = 255;

/** What a session has besides the shell. */
interface ShellRequest {
  /** Further options for ssh, and perhaps a command. */
  sshArgs: readonly string[];
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
    const ports = await readPorts(cli.context, instance);
    return await openSession(cli.context, instance, { ...request, ports, onRefused: tellRefusals(cli) });
  } catch (error) {
    if (!(error instanceof SpuffError) || error.code !== 'connection') throw error;
    cli.printError(error);
    return connectionFailed;
  }
}

/** Those of its project are carried to this computer as long as the session lasts. A file that is wrong must not keep anybody out. */
async function readPorts(context: AppContext, { directory }: Instance): Promise<readonly PortWish[]> {
  try {
    return (await context.project(directory))?.ports ?? [];
  } catch (error) {
    if (!(error instanceof SpuffError)) throw error;
    context.progress.warn(`no ports are forwarded: ${error.message}`, error.hints);
    return [];
  }
}
