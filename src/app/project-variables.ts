/** The variables of a project as its files write them. */
import { parseEnvTemplate } from '../domain/env-template.ts';
import { type EnvValue, type Place, type ProjectFile, placeOf } from '../domain/project.ts';
import type { ProjectWish } from '../domain/trust.ts';
import { isCredentialName } from '../lib/credential-variables.ts';
import type { AppContext } from './context.ts';
import { refuseTrackedSecrets } from './tracked-secrets.ts';

export interface Variable {
  name: string;
  value: EnvValue;
  /** `/work/app/spuff.yaml:4:9` */
  where: string;
}

/**
 * All of them, those of the file of secrets put over the project's own.
 * @throws SpuffError `config` for files that are wrong, or a file of secrets that git tracks; `permission` for one of somebody else's
 */
export async function collectVariables(
  context: Pick<AppContext, 'projectFiles' | 'signal'>,
  project: ProjectFile,
): Promise<Variable[]> {
  const files = await context.projectFiles();
  const path = files.findSecrets(project.root);
  if (path !== null) await refuseTrackedSecrets(path, context.signal);
  const secrets = await files.readSecrets(project.root);
  const own = toVariables(project, project.env).filter(
    ({ name }) => !Object.hasOwn(secrets?.env ?? {}, name),
  );
  return [...own, ...(secrets ? toVariables(secrets, secrets.env) : [])];
}

/** What of the user's it takes: a command that is run here, or variables that are named like credentials. */
export function wishesOf({ name, value, where }: Variable): ProjectWish[] {
  const setting = `env.${name}`;
  if (value.kind === 'command') return [{ setting, wish: `run: ${value.command}`, where }];
  return parseEnvTemplate(value.text).flatMap((part) =>
    part.kind === 'variable' && isCredentialName(part.name)
      ? [{ setting, wish: `send: $${part.name}`, where }]
      : [],
  );
}

function toVariables(
  file: { path: string; places: ReadonlyMap<string, Place> },
  env: Readonly<Record<string, EnvValue>>,
): Variable[] {
  return Object.entries(env).map(([name, value]) => ({ name, value, where: placeOf(file, `env.${name}`) }));
}
