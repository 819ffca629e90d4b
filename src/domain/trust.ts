/** What the user lets a project's files have run on this computer. */

/** A command that prints the value of a variable (`env.NAME: {from: command}`). */
export interface LocalCommand {
  /** Of the variable. */
  name: string;
  command: string;
  /** `/work/app/spuff.yaml:4:9` */
  where: string;
}

/** Kept by the folder of the project: a copy of the repository elsewhere is another project. */
export interface TrustStore {
  /** The commands that are trusted there. @throws SpuffError `state` for an entry that can't be read */
  list(root: string): ReadonlySet<string>;
  /** Takes the place of all that was trusted there. @throws SpuffError `permission` | `state` */
  replace(root: string, commands: readonly string[]): void;
  /** @returns whether anything was trusted there */
  forget(root: string): boolean;
}
