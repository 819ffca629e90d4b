import { describe, expect, it } from 'vitest';
import type { InstanceKey } from '../domain/ids.ts';
import { buildMountArguments } from './mount-volume.ts';

describe('what sshfs is given', () => {
  it('follows links on the machine, runs nothing of it, and names no option by a path', () => {
    const key = '01kb000000000000000000000a' as InstanceKey;
    const argv = buildMountArguments({ key }, '/run/s.conf', {
      path: '/home/dev/-a,b',
      mountPoint: '/mnt/a b',
    });
    expect(argv).toEqual([
      ...['sshfs', '-F', '/run/s.conf', '-o'],
      'reconnect,dcache_timeout=1,follow_symlinks,nosuid,nodev,noexec,idmap=user,default_permissions',
      `spuff-${key}:/home/dev/-a,b`,
      '/mnt/a b',
    ]);
  });
});
