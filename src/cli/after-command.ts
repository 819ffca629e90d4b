import type { Cli } from './cli.ts';
import type { CommandInput, CommandSpec } from './command.ts';

/** What reads and writes nothing but the settings, or is the reaper itself; a tunnel in the background has no token. */
const without =
  /^(?:version|completion|init|config|validate|schema|reap|reaper|guard|key|keep-tunnel)(?: |$)/;

/** Whether a command that has ended is an occasion to look for machines whose time is over. */
export function startsReaper({ name }: CommandSpec, { options }: CommandInput): boolean {
  return !without.test(name) && (options as Readonly<Record<string, unknown>>)['dryRun'] !== true;
}

export async function afterCommand(spec: CommandSpec, input: CommandInput, cli: Cli): Promise<void> {
  if (startsReaper(spec, input)) await cli.services.reapInBackground(cli.context);
}
