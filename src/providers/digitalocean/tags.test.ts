import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeInstanceKey } from '../../domain/ids.ts';
import type { VmSpec } from '../../domain/provider.ts';
import { machineTags, ownTags, readSshTags, readTags } from './tags.ts';

const key = makeInstanceKey(Date.UTC(2026, 0, 1), new Uint8Array(10));
const other = makeInstanceKey(Date.UTC(2026, 0, 2), new Uint8Array(10));

function tagsOf(change: Partial<VmSpec>): string[] {
  const spec = { key, instanceName: 'demo', owner: 'somebody', expiresAt: new Date(1_800_000_000_500) };
  return machineTags({ ...spec, ...change } as VmSpec, ['3b:16:bf']);
}

test('the tags of a machine say everything about it', () => {
  expect(tagsOf({})).toEqual([
    'spuff',
    `spuff-key:${key}`,
    'spuff-name:demo',
    'spuff-owner:somebody',
    `spuff-expires:1800000000:${key}`,
    'spuff-ssh:3b:16:bf',
  ]);
  expect(readTags(tagsOf({}))).toEqual({
    ours: true,
    key,
    instanceName: 'demo',
    expiresAt: new Date(1_800_000_000_000),
    onIdle: 'destroy',
    labels: {
      'spuff.key': key,
      'spuff.instance': 'demo',
      'spuff.owner': 'somebody',
      'spuff.expires': '1800000000',
    },
  });
  expect(readSshTags(tagsOf({}))).toEqual(['3b:16:bf']);
});

test('of two ends of a lease the later one counts, whatever their order', () => {
  const two = [`spuff-expires:1900000000:${key}`, `spuff-expires:1800000000:${key}`];
  for (const tags of [two, two.toReversed()])
    expect(readTags(['spuff', ...tags]).expiresAt).toEqual(new Date(1_900_000_000_000));
});

test('any owner comes back, in letters that a tag may have and that have no capitals', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (owner) => {
      const tags = tagsOf({ owner });
      for (const tag of tags) expect(tag).toMatch(/^[a-z0-9_:-]{1,255}$/);
      fc.pre(!/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(owner));
      expect(readTags(tags).labels['spuff.owner']).toBe(owner);
    }),
  );
});

test('an owner that is too long is cut, and the tag is still one', () => {
  const tag = tagsOf({ owner: 'É'.repeat(200) }).find((one) => one.startsWith('spuff-owner:')) ?? '';
  expect(tag.length).toBeLessThanOrEqual(255);
  expect(tag).toMatch(/^spuff-owner:(?:_[0-9a-f]{2})+$/);
});

describe('tags that others wrote', () => {
  test.each([
    ['no key', ['spuff']],
    ['a key that is none', ['spuff', 'spuff-key:nonsense']],
    ['an empty key', ['spuff', 'spuff-key:']],
    ['a key in capitals', ['spuff', `spuff-key:${key.toUpperCase()}`]],
    ['two keys', ['spuff', `spuff-key:${key}`, `spuff-key:${other}`]],
  ])('with %s give no key', (_what, tags) => {
    expect(readTags(tags)).toMatchObject({ ours: true, key: null });
  });

  test('do not say that a machine is ours, without the mark', () => {
    expect(readTags([`spuff-key:${key}`, 'spuff2'])).toMatchObject({ ours: false, key });
    expect(readTags([])).toMatchObject({ ours: false, key: null, instanceName: null, expiresAt: null });
  });

  test('show nothing that a terminal would obey', () => {
    const { instanceName, expiresAt, labels } = readTags([
      'spuff-name:\u001b[2J',
      'spuff-owner:_1b_5b2J',
      'spuff-expires:99999999999999999999',
    ]);
    expect(instanceName).toBeNull();
    expect(expiresAt).toBeNull();
    expect(labels).toEqual({ 'spuff.instance': '\\x1b[2J', 'spuff.owner': '\\x1b[2J' });
  });
});

test('only the tags that no other machine can have go with a machine', () => {
  const foreign = `spuff-expires:1800000000:${other}`;
  expect(ownTags([...tagsOf({}), foreign], key)).toEqual([
    `spuff-key:${key}`,
    `spuff-expires:1800000000:${key}`,
  ]);
});
