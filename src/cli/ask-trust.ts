import type { ProjectFile } from '../domain/project.ts';
import type { ProjectWish } from '../domain/trust.ts';
import { escapeText } from '../lib/escape.ts';
import type { Cli } from './cli.ts';

/**
 * Asks a person, once, whether a project may have what of theirs it asks for. Where nobody can
 * be asked, and after a no, whatever needs them refuses.
 */
export async function askTrust(cli: Cli, project: ProjectFile): Promise<void> {
  if (!cli.canAsk) return;
  const { readProjectTrust, trustProject } = await import('../app/project-trust.ts');
  const { wishes, untrusted } = await readProjectTrust(cli.context, project);
  if (untrusted.length === 0) return;
  cli.say(`${project.path} wants of you:\n${untrusted.map(describeWish).join('\n')}`);
  const may = await cli.services.questions.confirm('Let it, now and from now on?', false);
  if (may) await trustProject(cli.context, project, wishes);
}

export function describeWish({ setting, wish, where }: ProjectWish): string {
  return `  ${escapeText(wish, { singleLine: true })}   (${setting}, ${where})`;
}
