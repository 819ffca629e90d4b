import { describe, expect, it } from 'vitest';
import { makeInstanceKey } from '../../domain/ids.ts';
import type { VmSpec } from '../../domain/provider.ts';
import {
  filterOf,
  label,
  labelDate,
  labelInstance,
  labelKey,
  labelText,
  machineLabels,
  ownLabels,
} from './labels.ts';

const key = makeInstanceKey(1_700_000_000_000, new Uint8Array(10).fill(7));
const spec: VmSpec = {
  key,
  name: `spuff-${key}`,
  instanceName: 'demo',
  region: 'local',
  size: '1cpu-1gb',
  image: { kind: 'slug', slug: 'debian-12' },
  sshPublicKeys: [],
  userData: '',
  owner: 'someone',
  expiresAt: new Date('2026-11-23T12:00:00.000Z'),
};

describe('labels', () => {
  it('of a machine can be read back', () => {
    const labels = machineLabels(spec);
    expect(labelText(labels, label.kind)).toBe('machine');
    expect(labelKey(labels)).toBe(key);
    expect(labelInstance(labels)).toBe('demo');
    expect(labelDate(labels, label.expires)).toEqual(spec.expiresAt);
    expect(labelDate(machineLabels({ ...spec, expiresAt: null }), label.expires)).toBeNull();
  });

  it('are filtered by kind, and by what else is asked', () => {
    expect(filterOf('machine', { [label.key]: key })).toEqual({
      label: ['spuff.kind=machine', `spuff.key=${key}`],
    });
  });

  it.each([
    null,
    undefined,
    {},
    { [label.key]: '' },
    { [label.key]: 'nonsense' },
    { [label.key]: `${key}\n` },
    { [label.key]: 7 },
  ])('that are not well formed name no machine: %j', (labels) => {
    expect(labelKey(labels)).toBeNull();
  });

  it.each(['', 'tomorrow', '2026-11-23', '2026-13-45T99:99:99Z', '2026-11-23T12:00:00+01:00'])(
    'take no date from %j',
    (text) => {
      expect(labelDate({ [label.expires]: text }, label.expires)).toBeNull();
    },
  );

  it('are shown without those of others, and safe to print', () => {
    const shown = ownLabels({ [label.owner]: 'a\u001b[2Jb\n', 'com.example': 'x', [label.size]: '' });
    expect(Object.keys(shown)).toEqual([label.owner]);
    expect(shown[label.owner]).not.toContain('\u001b');
    expect(shown[label.owner]).not.toContain('\n');
  });

  it('name no instance that could not be one', () => {
    for (const text of ['', 'Not A Name', '-x', '../x']) {
      expect(labelInstance({ [label.instance]: text })).toBeNull();
    }
  });
});
