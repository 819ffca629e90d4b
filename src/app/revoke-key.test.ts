import { describe, expect, it } from 'vitest';
import { type KeyWorld, makeKeyWorld } from '../../test/fakes/key-world.ts';
import { readAuthorizedKeys } from '../bootstrap/authorized-keys.ts';
import { revokeKey } from './revoke-key.ts';

const all = { fingerprint: 'all', force: [] };
const other = readAuthorizedKeys('ssh-rsa AAAAother')[0]?.fingerprint ?? '';

/** With a rotation that has done one machine and not the other. */
async function makeHalfRotated(): Promise<KeyWorld> {
  const world = await makeKeyWorld();
  world.unreachable.add('two');
  await world.rotate();
  world.unreachable.clear();
  return world;
}

describe('a revocation', () => {
  it('never takes the last key that logs in, and then changes nothing anywhere', async () => {
    const world = await makeKeyWorld();
    const revoke = (force: string[]) => revokeKey(world.context, world.keys, { ...all, force });
    await expect(revoke([])).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('on one, two;'),
    });
    await expect(revoke(['one'])).rejects.toMatchObject({ message: expect.stringContaining('on two;') });
    expect(world.lockedOut()).toEqual([]);
    expect(world.keys.files.size).toBe(1);
  });

  it('refuses as well when the file of a machine that it logs in on can not be understood', async () => {
    const world = await makeKeyWorld();
    const { ssh } = world;
    const unreadable = { ...ssh, run: async () => ({ stdout: '', stderr: '', exitCode: 0 }) };
    const context = { ...world.context, ssh: async () => unreadable as never };
    await expect(revokeKey(context, world.keys, all)).rejects.toMatchObject({ code: 'conflict' });
    const failing = { ...ssh, run: async () => ({ stdout: '', stderr: 'no such file', exitCode: 1 }) };
    const broken = { ...world.context, ssh: async () => failing as never };
    expect(await revokeKey(broken, world.keys, all)).toMatchObject({ deleted: [], undone: [{}, {}] });
    expect(world.keys.files.size).toBe(1);
  });

  it('takes it all the same where the instances are given up by name', async () => {
    const world = await makeKeyWorld();
    const report = await revokeKey(world.context, world.keys, { ...all, force: ['one', 'two'] });
    expect(report).toMatchObject({ done: ['one', 'two'], undone: [] });
    for (const lines of world.authorized.values()) expect([...lines]).toEqual(['ssh-rsa AAAAother']);
    expect(world.keys.files.size).toBe(0);
    expect(world.keys.ring.current).toBeNull();
    expect(world.registered.size).toBe(0);
  });

  it("goes on with another key of spuff's own where there is one that logs in", async () => {
    const world = await makeHalfRotated();
    const [old] = world.keys.ring.retiring;
    const two = world.authorized.get('two');
    two?.add(world.keys.ring.current?.publicKey ?? '');
    const { done, deleted } = await revokeKey(world.context, world.keys, {
      fingerprint: old?.fingerprint ?? '',
      force: [],
    });
    expect(done).toEqual(['two']);
    expect(deleted).toMatchObject([{ name: old?.name }]);
    expect(world.lockedOut()).toEqual([]);
    expect(two).not.toContain(old?.publicKey);
  });

  it('keeps the key while a machine can not be reached', async () => {
    const world = await makeHalfRotated();
    world.unreachable.add('two');
    const [old] = world.keys.ring.retiring;
    const request = { fingerprint: old?.fingerprint ?? '', force: [] };
    expect(await revokeKey(world.context, world.keys, request)).toMatchObject({
      undone: [{ name: 'two' }],
      deleted: [],
    });
    expect(world.keys.files.size).toBe(2);
  });

  it("takes a key that is not spuff's own off the machines, and deletes nothing here", async () => {
    const world = await makeKeyWorld();
    const report = await revokeKey(world.context, world.keys, { fingerprint: other, force: [] });
    expect(report).toEqual({ done: ['one', 'two'], undone: [], deleted: [] });
    expect(world.lockedOut()).toEqual([]);
    for (const lines of world.authorized.values()) expect(lines).not.toContain('ssh-rsa AAAAother');
  });

  it('says so when nobody knows the key', async () => {
    const world = await makeKeyWorld();
    const request = { fingerprint: `SHA256:${'x'.repeat(43)}`, force: [] };
    await expect(revokeKey(world.context, world.keys, request)).rejects.toMatchObject({ code: 'not-found' });
  });
});
