/** The port to the files of projects: what they say, what is wrong with them, and how new ones begin. */
import type { EnvValue, FileProblem, Place, ProjectFile } from '../domain/project.ts';

export interface ProjectFiles {
  /** Of the project that a directory belongs to; null: there is none. @throws SpuffError `config` where there are two */
  find(directory: string): string | null;
  /** @throws SpuffError `config` naming file, line and column of what is wrong, ten at most */
  read(path: string): Promise<ProjectFile>;
  /** Of a directory whose project has a devcontainer.json and no file of spuff's; null: it has none either. @throws SpuffError as `find` and `read` */
  readContainer(directory: string): Promise<ProjectFile | null>;
  /** Everything that is wrong with a file; nothing when it will do. @throws SpuffError when it can't be read at all */
  check(path: string): Promise<FileProblem[]>;
  /** Where the file of secrets is that stands beside the file of a project; null: there is none. */
  findSecrets(root: string): string | null;
  /** @returns null: there is none. @throws SpuffError `config` naming what is wrong, `permission` for a file of somebody else's */
  readSecrets(root: string): Promise<SecretsFile | null>;
  /** As `check`, for a file of secrets. @throws SpuffError `permission` for one of somebody else's too */
  checkSecrets(path: string): Promise<FileProblem[]>;
  /** JSON Schema of a project's file, as text. */
  schema(): Promise<string>;
}

/** `spuff.secrets.yaml`: variables alone. */
export interface SecretsFile {
  path: string;
  env: Readonly<Record<string, EnvValue>>;
  /** By `env.NAME`. */
  places: ReadonlyMap<string, Place>;
}
