/** The file of a project and its file of secrets: where they are, and what they say. */
import { existsSync, lstatSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import {
  composeFileNames,
  defaultProjectName,
  emptyProject,
  type FileProblem,
  type ProjectFile,
  projectFileNames,
  secretsFileNames,
} from '../domain/project.ts';
import { readPrivateFile, toFileError } from '../lib/atomic-file.ts';
import { maxProjectBytes, readProjectText } from './read-project-text.ts';

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
  return project.devcontainer === true
    ? withDevcontainer(withComposeFile(project))
    : withComposeFile(project);
}

/** What devcontainer.json says is the machine's to do, and its ports are ports of the project. */
async function withDevcontainer(project: ProjectFile): Promise<ProjectFile> {
  const { readDevcontainer } = await import('./devcontainer-file.ts');
  const container = readDevcontainer(project.root);
  const numbers = [...container.ports.map(({ port }) => port), ...container.publishedPorts];
  const isTaken = (port: number) => project.ports.some(({ local }) => local === port);
  const added = numbers.filter((port) => !isTaken(port)).map((port) => ({ local: port, remote: port }));
  return { ...project, container, ports: [...project.ports, ...added] };
}

/**
 * A project that has a devcontainer.json and no file of spuff's: in a directory, or above it as far as its repository goes.
 * One in the user's home is of no project below it.
 * @returns null: there is none
 * @throws SpuffError `config` for one that is wrong, or several that none is the usual one of; `permission` as `findProjectFile`
 */
async function readContainerProject(directory: string): Promise<ProjectFile | null> {
  const start = resolve(directory);
  const root = foldersToTry(start).find(
    (at) => isThere(join(at, '.devcontainer')) || isThere(join(at, '.devcontainer.json')),
  );
  if (root === undefined) return null;
  const { listDevcontainerFiles } = await import('./devcontainer-file.ts');
  const [path] = listDevcontainerFiles(root);
  if (path === undefined) return null;
  refuseStrangers(join(root, path), start);
  const project = emptyProject(join(root, path), root, defaultProjectName(root));
  return withDevcontainer({ ...project, sync: 'rsync' });
}

function foldersToTry(start: string): string[] {
  const folders: string[] = [];
  for (let at = start; ; at = dirname(at)) {
    folders.push(at);
    if (isThere(join(at, '.git'))) return folders;
    if (dirname(at) === at) return [start];
  }
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
    readContainer: readContainerProject,
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
