import { describe, expect, it } from 'vitest';
import { KeyWorld, Killed, makeKeyWorld, onDisk } from '../../test/fakes/key-world.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';
import { defaultSettings } from '../domain/settings.ts';
import { describeOwnKeys, makeOwnKey } from './own-keys.ts';
import { rotateOwnKey } from './rotate-key.ts';

describe('a rotation', () => {
  it('moves every machine, and leaves the old key nowhere', async () => {
    const world = await makeKeyWorld();
    const report = await world.rotate();
    expect(report).toMatchObject({ resumed: false, done: ['one', 'two'], undone: [] });
    expect(report.retired).toHaveLength(1);
    expect([...world.keys.files]).toEqual([report.key.name]);
    for (const lines of world.authorized.values())
      expect([...lines]).toEqual(['ssh-rsa AAAAother', report.key.publicKey]);
    expect([...world.registered]).toEqual([report.key.publicKey]);
    expect(world.keys.ring.retiring).toEqual([]);
  });

  it('locks nobody out wherever it is killed, and comes to its end when it is run again', async () => {
    let kills = 0;
    for (let steps = 0; ; steps++) {
      const world = await makeKeyWorld();
      world.stepsLeft = steps;
      try {
        await world.rotate();
        break;
      } catch (error) {
        expect(error).toBeInstanceOf(Killed);
        kills++;
      }
      expect({ steps, lockedOut: world.lockedOut() }).toEqual({ steps, lockedOut: [] });
      world.stepsLeft = Number.POSITIVE_INFINITY;
      const { undone, key } = await world.rotate();
      expect({ steps, undone, lockedOut: world.lockedOut() }).toEqual({ steps, undone: [], lockedOut: [] });
      expect([...world.keys.files]).toEqual([key.name]);
      for (const lines of world.authorized.values())
        expect(lines).toEqual(new Set(['ssh-rsa AAAAother', key.publicKey]));
      expect([...world.registered]).toEqual([key.publicKey]);
    }
    expect(kills).toBeGreaterThan(20);
  });

  it('keeps the old key for a machine that can not be reached, and goes on with the same new one', async () => {
    const world = await makeKeyWorld();
    world.unreachable.add('two');
    const first = await world.rotate();
    expect(first).toMatchObject({ done: ['one'], undone: [{ name: 'two', error: { code: 'connection' } }] });
    expect(first.retired).toEqual([]);
    expect(world.lockedOut()).toEqual([]);
    expect(world.keys.files.size).toBe(2);
    // Its registration at the provider stays as well: the machine still needs it.
    expect(world.registered.size).toBe(1);
    world.unreachable.clear();
    const second = await world.rotate();
    expect(second).toMatchObject({ resumed: true, key: first.key, done: ['one', 'two'], undone: [] });
    expect([...world.keys.files]).toEqual([first.key.name]);
  });

  it('makes yet another key when that of the unfinished one is gone as well', async () => {
    const world = await makeKeyWorld();
    world.unreachable.add('two');
    const first = await world.rotate();
    world.keys.files.delete(first.key.name);
    world.unreachable.clear();
    const second = await world.rotate();
    expect(second.key.name).not.toBe(first.key.name);
    // Only the lost key opened it; `two` still had the first one.
    expect(second).toMatchObject({ done: ['two'], undone: [{ name: 'one', error: { code: 'auth' } }] });
  });

  it('leaves machines alone that another key opens, and those that are half made undone', async () => {
    const world = await makeKeyWorld();
    world.state.insertInstance(sampleInstance({ name: 'other' }));
    const sshPublicKeyPath = world.keys.ring.current?.publicPath ?? null;
    world.state.insertInstance(sampleInstance({ name: 'half', phase: 'creating', sshPublicKeyPath }));
    world.state.insertInstance(
      sampleInstance({ name: 'lost', hostIdentity: { phase: 'lost' }, sshPublicKeyPath }),
    );
    const { done, undone } = await world.rotate();
    expect(done).toEqual(['one', 'two']);
    expect(undone).toMatchObject([
      { name: 'half', error: { code: 'conflict' } },
      { name: 'lost', error: { code: 'host-identity' } },
    ]);
  });

  it('is not done while the provider has not been told', async () => {
    const world = await makeKeyWorld();
    const { replace } = world.loginKeys;
    world.loginKeys.replace = () => Promise.reject(new SpuffError('unavailable', 'no network'));
    expect(await world.rotate()).toMatchObject({ undone: [{ name: 'fake' }], retired: [] });
    world.loginKeys.replace = replace;
    const { key } = await world.rotate();
    expect([...world.registered]).toEqual([key.publicKey]);
    expect([...world.keys.files]).toEqual([key.name]);
  });

  it('refuses where there is no key, and where the settings name it by its path', async () => {
    const empty = new KeyWorld();
    await expect(empty.rotate()).rejects.toMatchObject({ code: 'not-found' });
    const world = await makeKeyWorld();
    const sshKey = world.keys.ring.current?.publicPath ?? '';
    const context = { ...world.context, settings: async () => ({ ...defaultSettings, sshKey }) };
    await expect(rotateOwnKey(context, world.keys, () => onDisk)).rejects.toMatchObject({ code: 'config' });
    expect(world.keys.requests).toEqual([]);
  });
});

describe('what is known of the keys', () => {
  it('is told for each, with what it opens and where it is registered', async () => {
    const world = await makeKeyWorld();
    world.unreachable.add('two');
    await world.rotate();
    const reports = await describeOwnKeys(world.context, world.keys, { asksProviders: true });
    expect(reports).toMatchObject([
      { role: 'current', instances: ['one'], hasPassphrase: false, ageMs: 0, isUsable: true },
      { role: 'retiring', instances: ['two'], registrations: { providers: ['fake'], failures: [] } },
    ]);
    await expect(makeOwnKey(world.context, world.keys, onDisk)).rejects.toMatchObject({ code: 'conflict' });
  });
});
