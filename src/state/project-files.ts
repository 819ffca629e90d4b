/** The file of a project and its file of secrets: where they are, and what they say. */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import {
  composeFileNames,
  type FileProblem,
  type ProjectFile,
  projectFileNames,
  secretsFileNames,
} from '../domain/project.ts';
import { readPrivateFile, toFileError } from '../lib/atomic-file.ts';

/** Some pages, scripts among them. */
const maxProjectBytes = 256 * 1024;

/**
 * `spuff.yaml` or `spuff.yml` in a directory or the nearest one above it that has one.
 * @throws SpuffError `config` when there are both, `permission` for one that a stranger has put there, or when a directory
 * can't be looked into
 */
export function findProjectFile(directory: string): string | null {
  const start = resolve(directory);
  for (let at = start; ; at = dirname(at)) {
    const found = findOneOf(projectFileNames, at);
    if (found !== null) refuseStrangers(found, start);
    if (found !== null || dirname(at) === at) return found;
  }
}

/**
 * A file can have commands run here, and anybody may put one into /tmp. So it has to be yours, root's, or of whom the
 * directory belongs to that you are in: you went there, as into a mounted volume.
 */
function refuseStrangers(path: string, directory: string): void {
  const me = process.getuid?.();
  if (me === undefined) return;
  const owners = [me, 0, ownerOf(directory)];
  // Of a link, and of what it leads to.
  const strangers = [lstatSync(path).uid, ownerOf(path) ?? me].filter((uid) => !owners.includes(uid));
  if (strangers.length === 0) return;
  throw new SpuffError('permission', `${path} belongs to another user`, {
    hints: [
      'look at what it says; if it is to count, make it yours, else go to a directory that is not below it',
    ],
  });
}

function ownerOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.uid;
}

/** The file of secrets of the project in `root`. @throws SpuffError as `findProjectFile` */
function findSecretsFile(root: string): string | null {
  return findOneOf(secretsFileNames, root);
}

function findOneOf(names: readonly string[], directory: string): string | null {
  const [first, second] = names.map((name) => join(directory, name)).filter(isThere);
  if (first !== undefined && second !== undefined) {
    throw new SpuffError('config', `there are ${first} and ${second}`, {
      hints: ['keep one of them: which one counts would be a guess'],
    });
  }
  return first ?? null;
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // The directory may be gone, or a file by now.
    if (systemErrorCode(error) === 'ENOTDIR') return false;
    throw toFileError(error, `look for ${path}`);
  }
}

/** A file of the project: it may be a link and be open to others, as all of the project's may. */
export function readProjectText(path: string): string {
  try {
    // Without O_NONBLOCK a named pipe in its place would wait for ever.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (stat.isFile() && stat.size <= maxProjectBytes) return readFileSync(fd, 'utf8');
      throw new SpuffError('config', `${path} is ${stat.isFile() ? 'too large' : 'not a file'}`, {
        hints: ['look at what it is: it should be a short text'],
      });
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw toFileError(error, `read ${path}`);
  }
}

async function loadParsers() {
  const [yaml, { parseProject, parseSecrets, toFileProblems }] = await Promise.all([
    import('yaml'),
    import('./project-document.ts'),
  ]);
  return { yaml, parseProject, parseSecrets, toFileProblems };
}

/**
 * What a project's file asks for.
 * @throws SpuffError `config` naming file, line and column of what is wrong, ten at most
 */
async function readProject(path: string): Promise<ProjectFile> {
  const { yaml, parseProject } = await loadParsers();
  const { project, problems, parsed } = parseProject(yaml, readProjectText(path), path);
  if (problems.length > 0) throw parsed.toError(problems);
  return withComposeFile(project);
}

/** Everything that is wrong with a project's file; nothing when it will do. @throws SpuffError when it can't be read */
async function checkProject(path: string): Promise<FileProblem[]> {
  const { yaml, parseProject, toFileProblems } = await loadParsers();
  const { project, problems, parsed } = parseProject(yaml, readProjectText(path), path);
  const found = toFileProblems(path, parsed, problems);
  const services = withComposeFile(project).services;
  if (found.length > 0 || !services?.enabled || existsSync(join(project.root, services.composeFile)))
    return found;
  const place = project.places.get('services.compose_file') ?? project.places.get('services');
  const message = `services: there is no ${services.composeFile} beside this file`;
  return [{ path, ...(place ?? { line: 1, column: 1 }), message, hint: 'name it: compose_file' }];
}

/** The name of the compose file is one of those that Compose looks for, where the project does not say. */
function withComposeFile(project: ProjectFile): ProjectFile {
  const { services, root } = project;
  if (services === null || project.places.has('services.compose_file')) return project;
  const composeFile = composeFileNames.find((name) => existsSync(join(root, name))) ?? services.composeFile;
  return { ...project, services: { ...services, composeFile } };
}

/**
 * The file of secrets beside a project's file, which is made private when it is not.
 * @returns null when there is none
 * @throws SpuffError `config` naming what is wrong, `permission` for a link or a file of somebody else's
 */
async function readSecrets(root: string) {
  const path = findSecretsFile(root);
  const text = path === null ? null : readPrivateFile(path, maxProjectBytes);
  if (path === null || text === null) return null;
  const { yaml, parseSecrets } = await loadParsers();
  const { env, places, problems, parsed } = parseSecrets(yaml, text, path);
  if (problems.length > 0) throw parsed.toError(problems);
  return { path, env, places };
}

async function checkSecrets(path: string): Promise<FileProblem[]> {
  const { yaml, parseSecrets, toFileProblems } = await loadParsers();
  const { problems, parsed } = parseSecrets(yaml, readPrivateFile(path, maxProjectBytes) ?? '', path);
  return toFileProblems(path, parsed, problems);
}

/** Loads the YAML library only where there is a file to read. */
export function openProjectFiles() {
  return {
    find: findProjectFile,
    read: readProject,
    check: checkProject,
    findSecrets: findSecretsFile,
    checkSecrets,
    readSecrets,
    schema: async () => {
      const { projectSchema } = await import('./project-schema.ts');
      return `${JSON.stringify(projectSchema(), null, 2)}\n`;
    },
  };
}
