/** `spuff validate`: everything that is wrong with the files of a project, for people and CI. Changes nothing. */
import { basename, dirname, resolve } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { type FileProblem, secretsFileNames } from '../domain/project.ts';
import type { AppContext } from './context.ts';
import { refuseTrackedSecrets } from './tracked-secrets.ts';

export interface ProjectVerdict {
  /** Of the project's file. */
  path: string;
  /** Of the file of secrets; null: there is none. */
  secretsPath: string | null;
  problems: readonly FileProblem[];
}

/**
 * @param file which; without it: the one of the working directory or above
 * @throws SpuffError `not-found` where there is none; `config` | `permission` | `state` for one that can't be read at all
 */
export async function validateProject(context: AppContext, file?: string): Promise<ProjectVerdict> {
  const files = await context.projectFiles();
  const path = file === undefined ? files.find(context.directory) : resolve(context.directory, file);
  if (path === null) {
    throw new SpuffError('not-found', 'there is no spuff.yaml in this directory or above', {
      hints: ['begin one: spuff init --project'],
    });
  }
  if ((secretsFileNames as readonly string[]).includes(basename(path))) {
    throw new SpuffError('usage', `${path} holds secrets alone: it is looked at with the file beside it`, {
      hints: [`check both: spuff validate ${dirname(path)}/spuff.yaml`],
    });
  }
  const secretsPath = files.findSecrets(dirname(path));
  const problems = [
    ...(await files.check(path)),
    ...(secretsPath === null ? [] : await files.checkSecrets(secretsPath)),
    ...(secretsPath === null ? [] : await findTracked(secretsPath, context.signal)),
  ];
  return { path, secretsPath, problems };
}

async function findTracked(path: string, signal: AbortSignal): Promise<FileProblem[]> {
  try {
    await refuseTrackedSecrets(path, signal);
    return [];
  } catch (error) {
    if (!(error instanceof SpuffError) || error.code !== 'config') throw error;
    const message = error.message.replace(`${path} `, '');
    return [{ path, line: 1, column: 1, message, hint: error.hints.join('; ') }];
  }
}
