import type { ProjectFile } from '../domain/project.ts';
import type { LocalCommand } from '../domain/trust.ts';
import { escapeText } from '../lib/escape.ts';
import type { Cli } from './cli.ts';

/**
 * Asks a person, once, whether the commands that a project's variables come from may run on this computer. Where nobody can
 * be asked, and after a no, whatever needs them refuses.
 */
export async function askTrust(cli: Cli, project: ProjectFile): Promise<void> {
  if (!cli.canAsk) return;
  const { readProjectTrust, trustProject } = await import('../app/project-trust.ts');
  const { commands, untrusted } = await readProjectTrust(cli.context, project);
  if (untrusted.length === 0) return;
  cli.say(`${project.path} wants to run on this computer:\n${untrusted.map(describeCommand).join('\n')}`);
  const may = await cli.services.questions.confirm('Let it, now and from now on?', false);
  if (may) await trustProject(cli.context, project, commands);
}

export function describeCommand({ name, command, where }: LocalCommand): string {
  return `  ${escapeText(command, { singleLine: true })}   (env.${name}, ${where})`;
}
