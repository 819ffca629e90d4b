/** Decides which files go to a machine, and which come from it. Pure; what was changed on both sides goes nowhere. */
import { projectFileNames } from '../domain/project.ts';
import { type FileSign, isGitPath, isSecretPath, type SyncedFile } from '../domain/sync.ts';

interface Sides {
  here: ReadonlyMap<string, { sign: FileSign }>;
  there: ReadonlyMap<string, { sign: FileSign; kind: string }>;
  record: ReadonlyMap<string, SyncedFile>;
  /** Whether a file is at a path here that does not go to the machine (any more), as what git ignores. */
  staysHere: (path: string) => boolean;
}

export interface UpPlan {
  send: string[];
  /** On both sides, and not known to be the same: what is in them decides. */
  compare: string[];
  remove: string[];
  /** Gone here, and changed there since they were sent. */
  goneHere: string[];
  /** Changed there alone: they stay as they are. */
  ahead: string[];
  /** What is known of the files that nothing is to be done for. */
  settled: Map<string, SyncedFile>;
}

export function planUpload({ here, there, record, staysHere }: Sides): UpPlan {
  const plan: UpPlan = { send: [], compare: [], remove: [], goneHere: [], ahead: [], settled: new Map() };
  for (const [path, { sign }] of here) {
    const known = record.get(path);
    // A folder in its place gives way when it is empty by then, and else the one who sends says so.
    const inPlace = there.get(path);
    const sees = inPlace?.kind === 'folder' ? undefined : inPlace?.sign;
    const changedHere = known?.here !== sign;
    const changedThere = known?.there !== sees;
    if (sees === sign) plan.settled.set(path, { here: sign, there: sees });
    else if (known && !changedHere) {
      plan.settled.set(path, known);
      if (changedThere) plan.ahead.push(path);
    } else if (changedThere && sees !== undefined) plan.compare.push(path);
    else plan.send.push(path);
  }
  for (const [path, known] of record) {
    const sees = there.get(path)?.sign;
    if (here.has(path) || sees === undefined || staysHere(path)) continue;
    if (sees === known.there) plan.remove.push(path);
    else plan.goneHere.push(path);
  }
  return plan;
}

/** What git, or spuff itself, would run here or believe, and so never comes from a machine. */
export interface DownGuards {
  /** Folders of git's hooks in the tree: relative, without a slash at the end. */
  hooksFolders: readonly string[];
  /** Files that git reads as configuration, or that commands of the project run. */
  files: ReadonlySet<string>;
  /** Folders that would be repositories by themselves. */
  bareFolders: ReadonlySet<string>;
  /** What git ignores here, or what is mounted from a machine. */
  ignored: ReadonlySet<string>;
}

export interface DownPlan {
  bring: string[];
  compare: string[];
  /** Gone there, and unchanged here since they were sent. */
  goneThere: string[];
  left: { path: string; why: string }[];
  settled: Map<string, SyncedFile>;
}

export function planDownload(
  sides: {
    there: ReadonlyMap<string, { sign: FileSign; kind: string }>;
    record: ReadonlyMap<string, SyncedFile>;
    /** null: it is not there. Never looks through a link. */
    signHere: (path: string) => FileSign | null;
  },
  guards: DownGuards,
): DownPlan {
  const { there, record, signHere } = sides;
  const plan: DownPlan = { bring: [], compare: [], goneThere: [], left: [], settled: new Map(record) };
  for (const [path, { sign, kind }] of there) {
    const known = record.get(path);
    if (known?.there === sign || kind === 'folder' || guards.ignored.has(path)) continue;
    const why = kind === 'other' ? 'it is neither a file nor a link' : whyNotHere(path, guards);
    if (why !== null) {
      plan.left.push({ path, why });
      continue;
    }
    const here = signHere(path);
    if (here === sign) plan.settled.set(path, { here, there: sign });
    else if (here === (known?.here ?? null)) plan.bring.push(path);
    else plan.compare.push(path);
  }
  for (const [path, known] of record) {
    if (there.has(path)) continue;
    const here = signHere(path);
    if (here === known.here) plan.goneThere.push(path);
    else if (here === null) plan.settled.delete(path);
  }
  return plan;
}

/** The machine says what its files are called, so a name is believed only when it leads into the folder, and to nothing that runs. */
function whyNotHere(path: string, guards: DownGuards): string | null {
  const parts = path.split('/');
  if (path.length > 4_000 || path.includes('\0') || parts.some((part) => ['', '.', '..'].includes(part)))
    return 'its name leads out of the folder';
  if (isGitPath(path) || isInBare(path, guards)) return 'it would be part of a repository';
  if (isSecretPath(path)) return 'secrets of spuff go neither way';
  const why = whatRuns(path, guards);
  return why === null ? null : `${why}: look at it, then bring it with spuff cp`;
}

function isInBare(path: string, { bareFolders }: DownGuards): boolean {
  const name = path.toLowerCase();
  return [...bareFolders].some((folder) => name.startsWith(`${folder.toLowerCase()}/`));
}

/** Read by a shell on entering the folder, by an editor on opening it, or by git on a commit. */
const runByThemselves =
  /(?:^|\/)(?:\.envrc[^/]*|\.?mise(?:\.[^/]*)?\.toml|\.pre-commit-config\.yaml|\.?lefthook(?:-local)?\.(?:ya?ml|toml|json)|(?:\.vscode|\.idea|\.direnv|\.mise)(?:\/.*)?)$/i;

function whatRuns(path: string, { hooksFolders, files }: DownGuards): string | null {
  // Some file systems know no case.
  const name = path.toLowerCase();
  if (projectFileNames.some((one) => name === one || name.endsWith(`/${one}`)))
    return 'commands in it run on this computer';
  if (hooksFolders.some((folder) => `${name}/`.startsWith(`${folder.toLowerCase()}/`)))
    return 'git runs it here as a hook';
  if ([...files].some((file) => file.toLowerCase() === name))
    return 'git, or a command of the project, uses it here';
  return runByThemselves.test(path) ? 'a shell, an editor or git runs it here by itself' : null;
}
