/** Brings the tree of a project to its machine. */

import { join } from 'node:path';
import { countFiles, formatBytes } from '../domain/bytes.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProgressStep } from '../domain/progress.ts';
import type { ProjectFile } from '../domain/project.ts';
import { type SyncedFile, type SyncReport, signOf } from '../domain/sync.ts';
import { escapeText } from '../lib/escape.ts';
import { hashFile } from '../lib/hash-file.ts';
import type { AppContext } from './context.ts';
import { factsOf, findLinkedFolders, listTree, type Tree } from './list-tree.ts';
import { planUpload, type UpPlan } from './plan-sync.ts';
import { hashFiles, lookAtFiles, type RemoteFile, type RemoteFolder, removeFiles } from './remote-tree.ts';
import { sshTargetOf } from './select-instance.ts';
import { sendFiles } from './send-files.ts';
import { type PlannedHistory, planHistory, sendHistory } from './send-history.ts';
import { compareTrees, makeSnapshot, sendSnapshot } from './send-snapshot.ts';
import { machineFolderOf } from './setup-order.ts';
import { readSyncRecord, writeSyncRecord } from './sync-record.ts';

export interface SyncWishes {
  /** What was changed there is overwritten where it was changed here too. */
  force?: boolean;
  dryRun?: boolean;
}

/**
 * Brings the working tree of a project, and its history, to where its machine has it; what git ignores stays. What was changed
 * there is left alone, and where it was changed here as well nothing is sent at all.
 * @throws SpuffError `conflict` naming what was changed on both sides; `connection`, `unavailable`, `permission`, `interrupted`
 */
export async function syncProject(
  context: AppContext,
  instance: Instance,
  project: ProjectFile,
  wishes: SyncWishes = {},
): Promise<SyncReport> {
  const startedAtMs = context.runtime.now();
  const where = { target: sshTargetOf(instance), folder: machineFolderOf(instance.user, project.name) };
  const report: SyncReport = {
    ...{ direction: 'up', mode: project.sync, folder: where.folder, dryRun: wishes.dryRun ?? false },
    ...{ brought: [], removed: [], bytes: 0, sentBytes: null, conflicts: [], left: [], head: null, ms: 0 },
  };
  if (project.sync === 'none') return report;
  const step = context.progress.start(`files of ${project.name} to ${instance.name}`);
  try {
    const done = await syncFiles({ context, instance, project, where, wishes, step });
    step.done(describe(done));
    return { ...report, ...done, ms: context.runtime.now() - startedAtMs };
  } catch (error) {
    step.fail();
    throw error;
  }
}

interface SyncScene {
  context: AppContext;
  instance: Instance;
  project: ProjectFile;
  where: RemoteFolder;
  wishes: SyncWishes;
  step: ProgressStep;
}

type Done = Pick<SyncReport, 'brought' | 'removed' | 'bytes' | 'sentBytes' | 'left' | 'head'>;

async function syncFiles(scene: SyncScene): Promise<Done> {
  const { context, instance, project, where, wishes, step } = scene;
  step.update('looking at both sides');
  const tree = await listTree(project, context.signal);
  if (project.sync === 'git') return syncSnapshot(scene, tree);
  const record = readSyncRecord(context, instance.key, where.folder);
  const [there, history] = await Promise.all([
    lookAtFiles(context, where, new Set([...tree.files.keys(), ...record.files.keys()])),
    tree.hasGit ? planHistory(scene) : nothingPlanned,
  ]);
  const leadsThroughLink = findLinkedFolders(project.root);
  const staysHere = (path: string) =>
    !leadsThroughLink(path) && !['folder', undefined].includes(factsOf(join(project.root, path))?.kind);
  // Whoever removed the whole folder there wants it anew.
  const known = there.size === 0 ? new Map() : record.files;
  const plan = planUpload({ here: tree.files, there, record: known, staysHere });
  const conflicts = await settleConflicts(scene, plan, tree, there);
  if (conflicts.length > 0 && !wishes.force) throw bothChanged(instance, conflicts);
  plan.send.push(...conflicts.filter((path) => tree.files.has(path)));
  if (wishes.force) plan.send.push(...plan.ahead.filter((path) => !there.has(path)));
  plan.send.sort();
  const bytes = plan.send.reduce((sum, path) => sum + (tree.files.get(path)?.size ?? 0), 0);
  const done = { brought: plan.send, removed: plan.remove, bytes, left: tree.left };
  if (wishes.dryRun) return { ...done, sentBytes: null, head: null };
  if (history.send !== null) await sendHistory(scene, history.send);
  await removeFiles(context, where, plan.remove);
  const sentBytes = await send(scene, plan, bytes);
  for (const [path, known] of await signSent(scene, plan.send, tree)) plan.settled.set(path, known);
  await writeSyncRecord(context, instance.key, {
    folder: where.folder,
    tree: null,
    files: plan.settled,
  });
  if (plan.ahead.length > 0)
    context.progress.note(
      `${plan.ahead.length} changed on ${instance.name}: bring them with spuff sync --down`,
    );
  return { ...done, sentBytes, head: history.head };
}

const nothingPlanned: PlannedHistory = { head: null, send: null };

/** `sync: git`. What both sides have is told by git, and for the way down by the signs of what was brought. */
async function syncSnapshot(scene: SyncScene, tree: Tree): Promise<Done> {
  const { context, instance, where, wishes } = scene;
  const record = readSyncRecord(context, instance.key, where.folder);
  const snapshot = await makeSnapshot(scene);
  const changes = await compareTrees(scene, record.tree, snapshot);
  const brought = changes.flatMap(({ path, isGone }) => (isGone ? [] : [path]));
  const removed = changes.flatMap(({ path, isGone }) => (isGone ? [path] : []));
  const bytes = brought.reduce((sum, path) => sum + (tree.files.get(path)?.size ?? 0), 0);
  const done = { brought, removed, bytes, left: tree.left, sentBytes: null };
  if (wishes.dryRun) return { ...done, head: null };
  const history = await planHistory(scene);
  if (history.send !== null) await sendHistory(scene, history.send);
  scene.step.update(countFiles(brought.length));
  await sendSnapshot(scene, record.tree, snapshot);
  const files = new Map(record.files);
  for (const path of removed) files.delete(path);
  const there = await lookAtFiles(context, where, brought);
  for (const path of brought) {
    const here = tree.files.get(path)?.sign;
    const sees = there.get(path)?.sign;
    if (here !== undefined && sees !== undefined) files.set(path, { here, there: sees });
  }
  await writeSyncRecord(context, instance.key, { folder: where.folder, files, tree: snapshot });
  return { ...done, head: history.head };
}

/** Settles what is the same on both sides though it was written twice. @returns what is not */
async function settleConflicts(
  { context, project, where }: SyncScene,
  plan: UpPlan,
  tree: Tree,
  there: ReadonlyMap<string, RemoteFile>,
): Promise<string[]> {
  const hashes = await hashFiles(
    context,
    where,
    plan.compare.filter((path) => there.get(path)?.kind === 'file'),
  );
  const conflicts = [...plan.goneHere];
  for (const path of plan.compare) {
    const here = tree.files.get(path);
    const hash = hashes.get(path);
    const isSame =
      hash !== undefined &&
      !here?.sign.startsWith('link') &&
      hash === (await hashFile(join(project.root, path)));
    const sees = there.get(path);
    if (isSame && here && sees) plan.settled.set(path, { here: here.sign, there: sees.sign });
    else conflicts.push(path);
  }
  return conflicts;
}

async function send(
  { context, project, where, step }: SyncScene,
  { send: paths }: UpPlan,
  bytes: number,
): Promise<number | null> {
  if (paths.length === 0) return 0;
  step.update(countFiles(paths.length));
  const onProgress = (percent: number) => step.update(`${countFiles(paths.length)}, ${percent} %`);
  return sendFiles(context, where, { root: project.root, paths, bytes, onProgress });
}

/**
 * What the files that were sent are like on both sides. One that was written to here meanwhile is what arrived; one that
 * differs there though it was not was changed there at once, and counts as changed.
 */
async function signSent(
  { context, project, where }: SyncScene,
  paths: readonly string[],
  tree: Tree,
): Promise<Map<string, SyncedFile>> {
  const there = await lookAtFiles(context, where, paths);
  const signed = new Map<string, SyncedFile>();
  for (const path of paths) {
    const here = tree.files.get(path)?.sign;
    const sees = there.get(path)?.sign;
    if (here === undefined || sees === undefined) continue;
    const now = factsOf(join(project.root, path));
    const isSteady = now !== null && signOf(now) === here;
    signed.set(path, { here, there: isSteady && !isCutShort(sees, here) ? here : sees });
  }
  return signed;
}

/** Some file systems keep less of a time. */
function isCutShort(sees: string, here: string): boolean {
  return here.startsWith(sees.replace(/0+$/, ''));
}

function bothChanged({ name }: Instance, paths: readonly string[]): SpuffError {
  const shown = paths.slice(0, 10).map((path) => escapeText(path, { singleLine: true }));
  const more = paths.length > shown.length ? `, and ${paths.length - shown.length} more` : '';
  return new SpuffError(
    'conflict',
    `changed on ${name} and here, so nothing was sent: ${shown.join(', ')}${more}`,
    {
      hints: [
        `bring what only ${name} changed: spuff sync ${name} --down`,
        `let what is here win: spuff sync ${name} --force`,
      ],
    },
  );
}

function describe({ brought, removed, bytes }: Done): string {
  if (brought.length === 0 && removed.length === 0) return 'nothing to bring';
  const gone = removed.length === 0 ? '' : `, ${removed.length} removed`;
  return `${countFiles(brought.length)}, ${formatBytes(bytes)}${gone}`;
}
