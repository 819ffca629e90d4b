import { describe, expect, it } from 'vitest';
import { parseDarwinMounts, parseMountInfo } from './mount-table.ts';

const key = '01kb000000000000000000000a';

describe('the mounts of this computer', () => {
  it('are found among others, also with odd names', () => {
    const text = [
      '22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw',
      `90 28 0:55 / /home/me/my\\040data rw,nosuid,nodev shared:80 master:2 - fuse.sshfs spuff-${key}:/home/dev/a\\134b\\040c rw,user_id=0`,
      `91 28 0:56 / /mnt/x rw - fuse.sshfs other@host:/srv rw`,
      `92 28 0:57 / /mnt/y rw - fuse.sshfs spuff-not-a-key:/srv rw`,
      `93 28 0:58 / /mnt/z rw - ext4 spuff-${key}:/srv rw`,
      '',
    ].join('\n');
    expect(parseMountInfo(text)).toEqual([
      { key, target: '/home/dev/a\\b c', mountPoint: '/home/me/my data' },
    ]);
  });

  it('are found in what a Mac says', () => {
    const text = [
      '/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)',
      `spuff-${key}:/home/dev/data on /Users/me/my data (macfuse, nodev, nosuid, synchronized, mounted by me)`,
      `spuff-${key}:/x on /Volumes/x (apfs, local)`,
    ].join('\n');
    expect(parseDarwinMounts(text)).toEqual([
      { key, target: '/home/dev/data', mountPoint: '/Users/me/my data' },
    ]);
  });
});
