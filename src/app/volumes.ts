/** Folders of machines, mounted here for as long as both are up. */
import { lstatSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { VolumeWish } from '../domain/project.ts';
import type { Volume, VolumeHealth, VolumeMount } from '../domain/volume.ts';
import { makePrivateDirectory, toFileError } from '../lib/atomic-file.ts';
import { runGit } from '../lib/git.ts';
import type { AppContext } from './context.ts';
import { copyToVolume } from './copy-to-volume.ts';
import { isInside, requireInside } from './require-inside.ts';
import { sshTargetOf } from './select-instance.ts';

/** What a project wishes for one of its machines. */
export function toVolumes(
  wishes: readonly VolumeWish[],
  { root, home, instance }: { root: string; home: string; instance: Pick<Instance, 'name' | 'user'> },
): Volume[] {
  return wishes.map(({ source, target, mountPoint }) => ({
    source: source === null ? null : resolve(root, source),
    target: posix.resolve(`/home/${instance.user}`, target),
    mountPoint: mountPoint === null ? ownMountPoint(home, instance.name, target) : resolve(root, mountPoint),
  }));
}

/** Under spuff's home, named after the folder: two of the same name need a `mount_point`. */
export function ownMountPoint(home: string, instanceName: string, target: string): string {
  return join(home, 'volumes', instanceName, posix.basename(posix.resolve('/', target)) || 'root');
}

/**
 * Mounts a folder; nothing to do where it is mounted already.
 * @param root what its mount point and source have to be in, so that no link leads out of it; null: the user has named the place
 * @returns false: it was there
 * @throws SpuffError `conflict` for a mount point that is no empty folder of the user's, and what ssh says
 */
export async function mountVolume(
  context: AppContext,
  instance: Instance,
  volume: Volume,
  root: string | null,
): Promise<boolean> {
  const table = await context.mounts();
  const at = (await table.list()).find(({ mountPoint }) => mountPoint === volume.mountPoint);
  if (at !== undefined) {
    if (at.key === instance.key && at.target === volume.target) {
      if ((await table.check(at.mountPoint)) === 'answers') return false;
      await table.unmount(at.mountPoint, { lazy: true, signal: context.signal });
    } else
      throw new SpuffError('conflict', `${volume.mountPoint} shows another folder already`, {
        hints: [`take that away: spuff volume unmount ${volume.mountPoint}`],
      });
  }
  if (root !== null) await refuseTracked(root, volume.mountPoint, context.signal);
  prepareMountPoint(context.home, volume.mountPoint, root);
  const target = sshTargetOf(instance);
  const ssh = await context.ssh();
  await copyToVolume(context, target, volume, root);
  await ssh.mountVolume(target, { path: volume.target, mountPoint: volume.mountPoint }, context.signal);
  return true;
}

/** What is mounted, of one instance or of all, and whether it is of use where that is asked. */
export async function listVolumes(
  context: AppContext,
  { key }: { key: string | null },
): Promise<(VolumeMount & { name: string | null })[]> {
  const names = new Map((await context.state()).listInstances().map((one) => [one.key, one.name]));
  return (await (await context.mounts()).list())
    .filter((mount) => key === null || mount.key === key)
    .map((mount) => ({ ...mount, name: names.get(mount.key) ?? null }));
}

export async function checkVolumes(
  context: AppContext,
  mounts: readonly VolumeMount[],
): Promise<VolumeHealth[]> {
  const table = await context.mounts();
  return Promise.all(mounts.map(({ mountPoint }) => table.check(mountPoint)));
}

/**
 * Takes one mount away, and its folder where spuff made it in its home.
 * @throws SpuffError `conflict` while a program has files of it open, unless `lazy`
 */
export async function unmountVolume(
  context: AppContext,
  { mountPoint }: VolumeMount,
  { lazy }: { lazy: boolean },
): Promise<void> {
  await (await context.mounts()).unmount(mountPoint, { lazy, signal: context.signal });
  if (!isInside(join(context.home, 'volumes'), mountPoint)) return;
  for (const folder of [mountPoint, dirname(mountPoint)]) removeEmpty(folder);
}

/** Before a machine goes: what is in use is taken away all the same, and nothing that goes wrong keeps the machine. */
export async function unmountAll(
  context: AppContext,
  { key, name }: Pick<Instance, 'key' | 'name'>,
): Promise<void> {
  for (const mount of await (await context.mounts()).list()) {
    if (mount.key !== key) continue;
    try {
      await unmountVolume(context, mount, { lazy: false }).catch(() =>
        unmountVolume(context, mount, { lazy: true }),
      );
    } catch (error) {
      if (!(error instanceof SpuffError)) throw error;
      context.progress.warn(`${mount.mountPoint} still shows ${name}: ${error.message}`, error.hints);
    }
  }
}

/** git looks into what it tracks, be it a machine's: a repository that is there names programs that git runs. */
async function refuseTracked(root: string, mountPoint: string, signal: AbortSignal): Promise<void> {
  const way = relative(root, mountPoint);
  if (way === '' || way.startsWith('..')) return;
  const said = await runGit(['ls-files', '-z', '--', way], { cwd: root, signal }).catch(() => null);
  if (said === null || said.exitCode !== 0 || said.stdout === '') return;
  throw new SpuffError('conflict', `nothing can be mounted on ${mountPoint}: git tracks it`, {
    hints: ['name a mount_point that git ignores'],
  });
}

/**
 * An empty folder of the user's own, made where there is none. Links in its path would let somebody else's repository
 * choose any folder of the computer.
 */
function prepareMountPoint(home: string, mountPoint: string, root: string | null): void {
  const inHome = isInside(join(home, 'volumes'), mountPoint);
  if (inHome) makePrivateDirectory(mountPoint);
  else makeInside(mountPoint, root);
  const stat = lstatSync(mountPoint);
  const isOwn = process.getuid === undefined || stat.uid === process.getuid();
  const problem = !stat.isDirectory()
    ? 'is no folder'
    : !isOwn
      ? 'belongs to another user'
      : readdirSync(mountPoint).length > 0
        ? 'is not empty'
        : null;
  if (problem === null) return;
  throw new SpuffError('conflict', `nothing can be mounted on ${mountPoint}: it ${problem}`, {
    hints: ['name another one: mount_point in spuff.yaml, or spuff volume mount --at FOLDER'],
  });
}

function makeInside(mountPoint: string, root: string | null): void {
  let there = mountPoint;
  while (lstatSync(there, { throwIfNoEntry: false }) === undefined) there = dirname(there);
  // Before anything is made: it would be made where the link leads.
  if (root !== null) requireInside(root, there);
  try {
    mkdirSync(mountPoint, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw toFileError(error, `make the folder ${mountPoint}`);
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Others are mounted beside it, or it is somebody's working directory.
  }
}
