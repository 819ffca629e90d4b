import type { Place } from '../domain/project.ts';

/** The port to the file of the user's settings, as text: what it holds, and changes to it. */
export interface ConfigStore {
  readonly path: string;
  /** Every key that there is, in the order of the documentation. */
  readonly keys: readonly ConfigKey[];
  /**
   * What the file says, by key, as the user wrote it. Empty when there is no file.
   * @throws SpuffError `config` naming the line, for a file that can't be used
   */
  read(): ReadonlyMap<string, string>;
  /** Where each value stands in the file, by key; both from 1. @throws SpuffError as `read` */
  places(): ReadonlyMap<string, Place>;
  /** Sets keys in one step; comments and what else the file says stay. @throws SpuffError `config` for a value that won't do */
  set(values: Readonly<Record<string, string>>): void;
  /** Takes a key out of the file, so that the default counts again. @returns false when it was not there */
  unset(key: string): boolean;
  /** Makes the file when there is none, 0600. */
  ensureFile(): void;
}

export interface ConfigKey {
  name: string;
  about: string;
  /** As it would stand in the file; null: nothing. */
  default: string | null;
  choices?: readonly string[];
}
