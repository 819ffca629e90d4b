/**
 * A repository is somebody else's until its user says otherwise: what its files have run on this computer is asked about
 * once, and again when it says something else.
 */
import { SpuffError } from '../domain/errors.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { LocalCommand } from '../domain/trust.ts';
import { escapeText } from '../lib/escape.ts';
import type { AppContext } from './context.ts';
import { collectVariables, toLocalCommand } from './project-variables.ts';

export interface ProjectTrust {
  commands: readonly LocalCommand[];
  /** Those among them that the user has not seen yet. */
  untrusted: readonly LocalCommand[];
}

type TrustContext = Pick<AppContext, 'projectFiles' | 'trust' | 'signal'>;

/** @throws SpuffError `config` | `permission` for files that are not to be used, `state` for an entry that can't be read */
export async function readProjectTrust(context: TrustContext, project: ProjectFile): Promise<ProjectTrust> {
  const commands = (await collectVariables(context, project)).flatMap(toLocalCommand);
  return { commands, untrusted: await findUntrusted(context, project, commands) };
}

/** Of all that the project has run here, no more and no less: what it no longer asks for is no longer trusted. */
export async function trustProject(
  { trust }: Pick<AppContext, 'trust'>,
  project: ProjectFile,
  commands: readonly LocalCommand[],
): Promise<void> {
  const store = await trust();
  store.replace(
    project.root,
    commands.map(({ command }) => command),
  );
}

/** @throws SpuffError `permission` naming each command that the user has not been asked about */
export async function refuseUntrusted(
  context: Pick<AppContext, 'trust'>,
  project: ProjectFile,
  commands: readonly LocalCommand[],
): Promise<void> {
  const untrusted = await findUntrusted(context, project, commands);
  if (untrusted.length === 0) return;
  const lines = untrusted.map(
    ({ name, command, where }) => `${where}: env.${name}: ${escapeText(command, { singleLine: true })}`,
  );
  throw new SpuffError(
    'permission',
    `this project wants to run commands on this computer:\n${lines.join('\n')}`,
    {
      hints: ['look at them, and at what they run; if they may: spuff trust'],
    },
  );
}

async function findUntrusted(
  { trust }: Pick<AppContext, 'trust'>,
  { root }: ProjectFile,
  commands: readonly LocalCommand[],
): Promise<LocalCommand[]> {
  if (commands.length === 0) return [];
  const trusted = (await trust()).list(root);
  return commands.filter(({ command }) => !trusted.has(command));
}
