/** The mounts of sshfs on this computer, on Linux and macOS, without ever touching one of them. */
import { readFileSync } from 'node:fs';
import { SpuffError } from '../domain/errors.ts';
import { isInstanceKey } from '../domain/ids.ts';
import type { MountTable, VolumeHealth, VolumeMount } from '../domain/volume.ts';
import { escapeText } from './escape.ts';
import { type ProcessResult, runProcess } from './process.ts';
import { quoteArgument } from './shell-quote.ts';

const unmountMs = 10_000;
const checkMs = 3_000;

export function openMountTable(platform: NodeJS.Platform = process.platform): MountTable {
  return {
    list: async () => (platform === 'darwin' ? readDarwin() : parseMountInfo(readMountInfo())),
    unmount: async (mountPoint, { lazy, signal }) => {
      const argv = platform === 'darwin' ? darwinUnmount(mountPoint, lazy) : linuxUnmount(mountPoint, lazy);
      const result = await runProcess(argv, { timeoutMs: unmountMs, ...(signal && { signal }) });
      if (result.exitCode !== 0) throw toUnmountError(mountPoint, result);
    },
    check: (mountPoint) => checkMount(platform, mountPoint),
  };
}

/**
 * What `/proc/self/mountinfo` says (proc_pid_mountinfo(5)): spaces, tabs, newlines and backslashes are written in octal, and
 * optional fields end with a dash. sshfs gives `HOST:PATH` as the source, and spuff's hosts are `spuff-KEY`.
 */
export function parseMountInfo(text: string): VolumeMount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const mountPoint = before.split(' ')[4];
    const [type, source] = after.split(' ');
    if (type !== 'fuse.sshfs' || mountPoint === undefined || source === undefined) return [];
    return toVolume(unescapeOctal(source), unescapeOctal(mountPoint));
  });
}

/** What mount(8) of macOS prints: `spuff-KEY:/path on /where (macfuse, …)`. */
export function parseDarwinMounts(text: string): VolumeMount[] {
  return text.split('\n').flatMap((line) => {
    const found = /^(spuff-\S+?:.*?) on (\/.*) \((?:macfuse|osxfuse|fuse)[^)]*\)$/.exec(line);
    return found ? toVolume(found[1] ?? '', found[2] ?? '') : [];
  });
}

function toVolume(source: string, mountPoint: string): VolumeMount[] {
  const [, name = '', target = ''] = /^spuff-([^:]+):(\/.*)$/s.exec(source) ?? [];
  return isInstanceKey(name) ? [{ key: name, target, mountPoint }] : [];
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

function readMountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    // No Linux: there are no mounts of ours that could be told.
    return '';
  }
}

async function readDarwin(): Promise<VolumeMount[]> {
  const { stdout } = await runProcess(['/sbin/mount'], { timeoutMs: unmountMs });
  return parseDarwinMounts(stdout);
}

function linuxUnmount(mountPoint: string, lazy: boolean): string[] {
  return ['fusermount3', lazy ? '-uz' : '-u', '--', mountPoint];
}

function darwinUnmount(mountPoint: string, lazy: boolean): string[] {
  return ['/sbin/umount', ...(lazy ? ['-f'] : []), mountPoint];
}

function toUnmountError(mountPoint: string, result: ProcessResult): SpuffError {
  const why = result.timedOut
    ? `not within ${unmountMs / 1_000} seconds`
    : escapeText(result.stderr.trim(), { singleLine: true }).slice(0, 300);
  const isBusy = result.timedOut || /busy/i.test(result.stderr);
  return new SpuffError(isBusy ? 'conflict' : 'unavailable', `${mountPoint} is still mounted: ${why}`, {
    hints: isBusy
      ? [
          `see who uses it: lsof +f -- ${quoteArgument(mountPoint)}`,
          'take it away nevertheless: spuff volume unmount --force',
        ]
      : ['see what is mounted: spuff volume ls'],
  });
}

async function checkMount(platform: NodeJS.Platform, mountPoint: string): Promise<VolumeHealth> {
  const argv = platform === 'darwin' ? ['/bin/df', '--', mountPoint] : ['stat', '-f', '--', mountPoint];
  const answer = runProcess(argv, { timeoutMs: checkMs }).then(
    ({ exitCode, timedOut }): VolumeHealth => (timedOut ? 'silent' : exitCode === 0 ? 'answers' : 'broken'),
  );
  // A program that waits in the kernel for an answer can't be ended before it comes: it is not waited for.
  const timer = Promise.withResolvers<VolumeHealth>();
  const timeout = setTimeout(() => timer.resolve('silent'), checkMs + 500);
  try {
    return await Promise.race([answer, timer.promise]);
  } finally {
    clearTimeout(timeout);
    answer.catch(() => undefined);
  }
}
