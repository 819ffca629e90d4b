/** Brings what was changed on a machine into the project here. What is here and was changed too is never overwritten unasked. */

import { rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { countFiles } from '../domain/bytes.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProgressStep } from '../domain/progress.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { ReceivedTree } from '../domain/ssh.ts';
import { type FileSign, type SyncedFile, type SyncReport, signOf } from '../domain/sync.ts';
import { toFileError } from '../lib/atomic-file.ts';
import { runGit } from '../lib/git.ts';
import { hashFile } from '../lib/hash-file.ts';
import type { AppContext } from './context.ts';
import { factsOf, isBelow, mountPointsOf } from './list-tree.ts';
import { type DownGuards, type DownPlan, planDownload } from './plan-sync.ts';
import { hashFiles, listFiles, type RemoteFile, type RemoteFolder } from './remote-tree.ts';
import { sshTargetOf } from './select-instance.ts';
import { machineFolderOf } from './setup-order.ts';
import { readSyncRecord, writeSyncRecord } from './sync-record.ts';

export interface DownWishes {
  /** What was changed here is overwritten where it was changed there too. */
  force: boolean;
  dryRun: boolean;
  /** Remove here what is gone there. */
  delete: boolean;
}

interface Scene {
  context: AppContext;
  project: ProjectFile;
  instance: Instance;
  where: RemoteFolder;
  wishes: DownWishes;
  step: ProgressStep;
}

/**
 * @returns with `conflicts`: what was changed on both sides, and is left so
 * @throws SpuffError `agent` when the machine says or sends what makes no sense; `connection`, `permission`, `interrupted`
 */
export async function syncDown(
  context: AppContext,
  instance: Instance,
  project: ProjectFile,
  wishes: DownWishes,
): Promise<SyncReport> {
  const startedAtMs = context.runtime.now();
  const where = { target: sshTargetOf(instance), folder: machineFolderOf(instance.user, project.name) };
  const step = context.progress.start(`files of ${project.name} from ${instance.name}`);
  try {
    const done = await bring({ context, project, instance, where, wishes, step });
    step.done(done.brought.length === 0 ? 'nothing to bring' : countFiles(done.brought.length));
    return {
      ...{ direction: 'down', mode: project.sync, folder: where.folder, dryRun: wishes.dryRun },
      ...{ sentBytes: null, head: null, ms: context.runtime.now() - startedAtMs },
      ...done,
    };
  } catch (error) {
    step.fail();
    throw error;
  }
}

type Done = Pick<SyncReport, 'brought' | 'removed' | 'bytes' | 'conflicts' | 'left'>;

async function bring(scene: Scene): Promise<Done> {
  const { context, project, instance, where, wishes, step } = scene;
  step.update('looking at both sides');
  const there = await listFiles(context, where);
  const record = readSyncRecord(context, instance.key, where.folder);
  const guards = await readGuards(project, [...there.keys()], context.signal);
  const signHere = (path: string) => signAt(project, path);
  const plan = planDownload({ there, record: record.files, signHere }, guards);
  const conflicts = await compare(scene, plan, there);
  const bring = wishes.force ? [...plan.bring, ...conflicts] : plan.bring;
  const remove = wishes.delete ? plan.goneThere : [];
  const bytes = bring.reduce((sum, path) => sum + (there.get(path)?.size ?? 0), 0);
  const done = {
    removed: remove,
    bytes,
    conflicts: wishes.force ? [] : conflicts,
    left: leftOf(plan, wishes),
  };
  if (wishes.dryRun) return { ...done, brought: bring };
  const seen = new Map(bring.map((path) => [path, signHere(path)]));
  const outcomes = await receive(scene, bring, seen);
  const placed = bring.filter((path) => outcomes.get(path) === 'placed');
  for (const path of placed) {
    const known = signBoth(signHere(path), there.get(path)?.sign);
    if (known) plan.settled.set(path, known);
  }
  for (const path of remove) removeHere(project, path, plan);
  await writeSyncRecord(context, instance.key, { ...record, files: plan.settled });
  const stayed = bring.filter((path) => outcomes.get(path) !== 'placed');
  const left = stayed.map((path) => ({ path, why: reasons[outcomes.get(path) ?? 'not-sent'] }));
  return { ...done, brought: placed, left: [...done.left, ...left] };
}

const reasons = {
  placed: '',
  'through-link': 'a link, or a file, is here where its folder would be',
  'folder-in-place': 'a folder is here in its place',
  'changed-meanwhile': 'it was changed here just now',
  'not-sent': 'it was not there any more',
} as const;

function signAt({ root }: ProjectFile, path: string): FileSign | null {
  const facts = factsOf(join(root, path));
  return facts && signOf(facts);
}

function signBoth(here: FileSign | null, there: FileSign | undefined): SyncedFile | null {
  return here === null || there === undefined ? null : { here, there };
}

function leftOf({ left, goneThere }: DownPlan, wishes: DownWishes): SyncReport['left'] {
  if (wishes.delete) return left;
  return [...left, ...goneThere.map((path) => ({ path, why: 'it is gone there; --delete removes it here' }))];
}

/** Settles what is the same on both sides though it was written twice. @returns what is not */
async function compare(
  { context, project, where }: Scene,
  plan: DownPlan,
  there: ReadonlyMap<string, RemoteFile>,
): Promise<string[]> {
  const conflicts: string[] = [];
  const files = plan.compare.filter(
    (path) => there.get(path)?.kind === 'file' && factsOf(join(project.root, path))?.kind === 'file',
  );
  const hashes = await hashFiles(context, where, files);
  for (const path of plan.compare) {
    const hash = hashes.get(path);
    const isSame = hash !== undefined && hash === (await hashFile(join(project.root, path)));
    const known = isSame ? signBoth(signAt(project, path), there.get(path)?.sign) : null;
    if (known) plan.settled.set(path, known);
    else conflicts.push(path);
  }
  return conflicts;
}

async function receive(
  { context, project, where, step }: Scene,
  paths: readonly string[],
  seen: ReadonlyMap<string, FileSign | null>,
): Promise<ReceivedTree['outcomes']> {
  if (paths.length === 0) return new Map();
  step.update(countFiles(paths.length));
  const ssh = await context.ssh();
  const mayReplace = (path: string) => signAt(project, path) === (seen.get(path) ?? null);
  const request = { root: project.root, paths, folder: where.folder, mayReplace };
  return (await ssh.receiveTree(where.target, request, { signal: context.signal })).outcomes;
}

function removeHere(project: ProjectFile, path: string, plan: DownPlan): void {
  try {
    // The plan has it as it was sent; what was changed since stays.
    if (signAt(project, path) === plan.settled.get(path)?.here)
      rmSync(join(project.root, path), { force: true });
    plan.settled.delete(path);
  } catch (error) {
    throw toFileError(error, `remove ${path}`);
  }
}

/** What the repository here says of the names there. */
async function readGuards(
  project: ProjectFile,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<DownGuards> {
  const { root } = project;
  const options = { cwd: root, signal };
  const ask = async (...args: string[]) => (await runGit(args, options).catch(() => null))?.stdout ?? '';
  const top = (await ask('rev-parse', '--show-toplevel')).trimEnd() || root;
  // The last is our own, which switches hooks off.
  const hooks = (await ask('config', '-z', '--type=path', '--get-all', 'core.hooksPath')).split('\0').at(-3);
  const folder = hooks === undefined ? '' : relative(root, resolve(top, hooks));
  const isInside = folder !== '' && !folder.startsWith('..');
  const mounts = mountPointsOf(project);
  const mounted = paths.filter((path) => isBelow(path, mounts));
  const ignored = new Set([...(await listIgnored(root, paths, signal)), ...mounted]);
  return { hooksFolder: isInside ? folder : null, ignored };
}

/** Where git does not say, nothing is ignored: what is here already is seen to by what is known of it. */
async function listIgnored(
  root: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  // git refuses all for one that leads out of the folder, or through a link.
  const asked = paths.filter((path) => !path.split('/').some((part) => ['', '.', '..'].includes(part)));
  const direct = asked.filter((path) => !leadsThroughLink(root, path));
  const stdin = direct.map((path) => `${path}\0`).join('');
  const said = await runGit(['check-ignore', '-z', '--stdin'], { cwd: root, signal, stdin }).catch(
    () => null,
  );
  return new Set(said?.stdout.split('\0') ?? []);
}

function leadsThroughLink(root: string, path: string): boolean {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1))
    if (factsOf(join(root, path.slice(0, at)))?.kind === 'link') return true;
  return false;
}
