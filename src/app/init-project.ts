/** `spuff init --project`: begins the file of a project, from what is in its folder. */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { defaultProjectName, projectFileNames } from '../domain/project.ts';
import { toFileError } from '../lib/atomic-file.ts';
import type { AppContext } from './context.ts';
import { type FoundInProject, findInProject } from './find-in-project.ts';
import { renderProjectFile } from './project-template.ts';

export interface MadeProject {
  path: string;
  schemaPath: string;
  /** null: it was ignored already. */
  ignorePath: string | null;
  found: FoundInProject;
}

const schemaName = 'spuff.schema.json';
const ignored = 'spuff.secrets.yaml';

/**
 * Writes spuff.yaml into the working directory, its JSON Schema beside it, and its file of secrets into .gitignore.
 * @throws SpuffError `conflict` where there is a project's file already, `permission` | `state` when something can't be written
 */
export async function initProject(context: AppContext): Promise<MadeProject> {
  const { directory } = context;
  const there = projectFileNames.map((name) => join(directory, name)).find((path) => existsSync(path));
  if (there !== undefined) throw isThere(there);
  const [path, schemaPath] = [join(directory, 'spuff.yaml'), join(directory, schemaName)];
  const schema = await (await context.projectFiles()).schema();
  try {
    const found = findInProject(new Set(readdirSync(directory)));
    const text = renderProjectFile({ name: defaultProjectName(directory), schema: schemaName, found });
    writeFileSync(path, text, { flag: 'wx' });
    writeFileSync(schemaPath, schema);
    return { path, schemaPath, ignorePath: ignoreSecrets(join(directory, '.gitignore')), found };
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') throw isThere(path);
    throw toFileError(error, `begin a project in ${directory}`);
  }
}

/** @returns null when it says so already */
function ignoreSecrets(path: string): string | null {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (before.split(/\r?\n/).some((line) => line.trim().replace(/^\//, '') === ignored)) return null;
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  appendFileSync(path, `${gap}${ignored}\n`);
  return path;
}

function isThere(path: string): SpuffError {
  return new SpuffError('conflict', `${path} is there already`, {
    hints: [`check it: spuff validate ${path}`],
  });
}
