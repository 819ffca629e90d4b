/** Work that was saved from machines before they went: what is taken, how far it goes, and where it lies. */
import type { InstanceKey } from './ids.ts';
import type { ProviderId } from './provider.ts';

/** How much is taken of a machine; what goes beyond is left out, and named. In bytes. */
export interface RescueLimits {
  /** Of one untracked file. */
  maxFileBytes: number;
  /** Of all untracked files. */
  maxFilesBytes: number;
  /** Of all commits, stashes and changes. */
  maxHistoryBytes: number;
}

export const defaultRescueLimits: RescueLimits = {
  maxFileBytes: 10_000_000,
  maxFilesBytes: 200_000_000,
  maxHistoryBytes: 1_000_000_000,
};

/** Beyond the limits: headers of the archive, and the summary. */
export const rescueSlackBytes = 100_000_000;

/** How long a machine is given. */
export const defaultRescueTimeoutMs = 10 * 60_000;

/** The file of the archive that says what is in it, and the file of each repository. */
export const rescueSummaryName = 'summary.json';
export const rescueFiles = {
  commits: 'commits.bundle',
  staged: 'staged.patch',
  changes: 'changes.patch',
  untracked: 'untracked',
} as const;

/** Where a bundle has what is no branch. */
export const stashRefs = 'refs/spuff/stash';
export const headRef = 'refs/spuff/head';

export type LeftOutPart = 'repository' | 'commits' | 'staged' | 'changes' | 'file';
export type LeftOutReason =
  | 'too-large'
  | 'no-room'
  | 'link'
  | 'special'
  | 'unreadable'
  | 'strange-name'
  | 'git-failed'
  | 'too-many';

/** Something that stays behind on the machine. */
export interface LeftOut {
  /** Of the repository, below the home; '' for the home itself. */
  repository: string;
  part: LeftOutPart;
  /** Of a file, below the repository. */
  path: string | null;
  bytes: number | null;
  why: LeftOutReason;
  /** More words on it, such as what git said; where a link leads to. */
  detail: string | null;
}

/** Work that nobody has anywhere else, and no choice of the user's left it there. A file that is too large is one. */
export function isLost({ part }: LeftOut): boolean {
  return part !== 'file';
}

export interface RescuedRepository {
  /** Of its files in the archive: one name of plain characters. */
  directory: string;
  /** Below the home; '' for the home itself. */
  path: string;
  kind: 'repository' | 'worktree' | 'submodule' | 'bare';
  /** Where `origin` is, without a name or password; null: it has none. */
  remote: string | null;
  /** null: no branch is checked out. */
  branch: string | null;
  head: string | null;
  /** That no remote has, stashes included. */
  commits: number;
  stashes: number;
  hasStaged: boolean;
  hasChanges: boolean;
  /** A merge was going on, and `changes.patch` is against the commit alone. */
  inMerge: boolean;
  untracked: number;
}

/** What stands in the archive as its last file. */
export interface RescueSummary {
  version: 1;
  repositories: readonly RescuedRepository[];
  leftOut: readonly LeftOut[];
}

/** What the machine says of the archive when it is all sent: an archive that does not agree with it is not whole. */
export interface RescueTrailer {
  bytes: number;
  /** In hex. */
  sha256: string;
  repositories: number;
  commits: number;
  stashes: number;
  patches: number;
  files: number;
  /** How many things were left out, and how many of them are lost. */
  leftOut: number;
  lost: number;
  /** The first of what was left out. */
  named: readonly LeftOut[];
}

/** A rescue on this computer. Says nothing of what is in it. */
export interface Rescue {
  /** `demo-20261128-053000` */
  name: string;
  instanceName: string;
  instanceKey: InstanceKey;
  provider: ProviderId;
  createdAt: Date;
  /** Of the encrypted file. */
  bytes: number;
  /** false: something of the work could not be taken. */
  complete: boolean;
  /** Public halves of the keys that open it; the word `own` for spuff's. */
  recipients: readonly string[];
  /** The encrypted file. */
  path: string;
}

export type NewRescue = Pick<Rescue, 'instanceName' | 'instanceKey' | 'provider'> & {
  /** `rescue_to`; null: a key of spuff's own. */
  recipients: readonly string[] | null;
};

/** One that is being written: encrypted as it comes, and nowhere else until it is kept. */
export interface RescueWriter {
  /** Waits while the disk is slower than the machine. */
  write(chunk: Uint8Array): Promise<void>;
  /** Gives it its name, once it is on the disk as a whole. */
  keep(complete: boolean): Promise<Rescue>;
  /** Leaves nothing of it. Absent is success. */
  discard(): Promise<void>;
}

export interface UnpackedRescue {
  /** Where the files are. */
  directory: string;
  summary: RescueSummary;
}

/** The port to the rescues on this computer. */
export interface RescueStore {
  /** @throws SpuffError `config` | `state` | `permission` naming what nothing can be encrypted to */
  checkRecipients(recipients: readonly string[]): Promise<void>;
  /** @throws SpuffError `config` for recipients that are none, `state` | `permission` when nothing can be written */
  begin(rescue: NewRescue): Promise<RescueWriter>;
  /** The newest first. @throws SpuffError `state` | `permission` */
  list(): readonly Rescue[];
  /**
   * Decrypts one into a folder that is empty, or is not there yet.
   * @param identityPath a file with the key that opens it; null: spuff's own
   * @throws SpuffError `conflict` when something is in the folder, `auth` when the key does not open it, `state` when it is
   * damaged or holds what may not be unpacked: then nothing of it is left
   */
  unpack(
    rescue: Rescue,
    options: { directory: string; identityPath: string | null; signal: AbortSignal },
  ): Promise<UnpackedRescue>;
  /** Absent is success. */
  remove(rescue: Rescue): void;
}
