/** What is known of a project's tree on a machine, and what may go between the two. Paths are relative, with `/`. */

/**
 * What a file is like, to tell whether it was changed: kind, whether it is a program, size, time of change; of a link,
 * where it leads. Two files of one sign are taken for the same, as rsync and make take them.
 */
export type FileSign = string;

export interface FileFacts {
  kind: 'file' | 'link' | 'folder' | 'other';
  isProgram: boolean;
  size: number;
  /** Seconds since 1970 with nine digits behind the point. */
  changedAt: string;
  /** Of a link alone. */
  leadsTo: string;
}

export function signOf({ kind, isProgram, size, changedAt, leadsTo }: FileFacts): FileSign {
  if (kind === 'link') return `link ${leadsTo}`;
  return kind === 'file' ? `${isProgram ? 'program' : 'file'} ${size} ${changedAt}` : kind;
}

/** A file as both sides had it when it was last brought from one to the other. */
export interface SyncedFile {
  here: FileSign;
  there: FileSign;
}

export interface SyncRecord {
  /** On the machine. */
  folder: string;
  files: ReadonlyMap<string, SyncedFile>;
  /** Of `sync: git`: the tree that the machine was last given; null: none. */
  tree: string | null;
}

/** What a sync came to. Paths as they are: who prints them escapes them. */
export interface SyncReport {
  direction: 'up' | 'down';
  mode: 'rsync' | 'git' | 'none';
  /** On the machine. */
  folder: string;
  dryRun: boolean;
  /** Brought to the other side. */
  brought: readonly string[];
  /** Removed on the other side, or, down, kept here though they are gone there. */
  removed: readonly string[];
  /** What the files are long in all. */
  bytes: number;
  /** What went over the wire for it; null: not known. */
  sentBytes: number | null;
  /** Changed on both sides, and left as they are on both. */
  conflicts: readonly string[];
  /** Never go between the two, with the reason. */
  left: ReadonlyArray<{ path: string; why: string }>;
  /** The commit that is checked out there; null: no history went there. */
  head: string | null;
  ms: number;
}

/**
 * Of spuff's own: its secrets, in any spelling that a file system takes for the same, and the copies that editors lay beside
 * what they edit: `.spuff.secrets.yaml.swp`, `#spuff.secrets.yaml#`, `spuff.secrets.yaml~`.
 */
const secretName = /spuff\.secrets[^/]*\.ya?ml/i;

/** Whether a file is one of those that never leave the user's computer. */
export function isSecretPath(path: string): boolean {
  return secretName.test(path);
}

/** What other file systems take for `.git`: by case, by invisible characters, by DOS's short name (CVE-2014-9390). */
const gitFolder = /^(?:\.git|git~\d+)[. ]*(?::.*)?$/i;

/** Whether git would take a part of the path for a repository of its own. */
export function isGitPath(path: string): boolean {
  return path.split(/[/\\]/).some((part) => gitFolder.test(part.replaceAll(/\p{Cf}/gu, '')));
}
