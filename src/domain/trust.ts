/** What the user lets the files of a project have of this computer. */

/** Something of the user's that a project's files ask for. */
export interface ProjectWish {
  /** The setting that asks: `env.NAME`, `tailscale`. */
  setting: string;
  /** In words that are trusted as they stand: `run: pass show api`, `send: $API_TOKEN`. */
  wish: string;
  /** `/work/app/spuff.yaml:4:9` */
  where: string;
}

/** Kept by the folder of the project: a copy of the repository elsewhere is another project. */
export interface TrustStore {
  /** The wishes that are trusted there. @throws SpuffError `state` for an entry that can't be read */
  list(root: string): ReadonlySet<string>;
  /** Takes the place of all that was trusted there. @throws SpuffError `permission` | `state` */
  replace(root: string, wishes: readonly string[]): void;
  /** @returns whether anything was trusted there */
  forget(root: string): boolean;
}
