import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type ListedPrebuild, pickStalePrebuilds, readPrebuildName, writePrebuildName } from './prebuild.ts';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 10, 28);

describe('the name of a prebuild', () => {
  const names = fc.record({
    project: fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/),
    hash: fc.stringMatching(/^[0-9a-f]{16}$/),
    coldSetupMs: fc.integer({ min: 0, max: 9_999_999 }).map((seconds) => seconds * 1_000),
    mark: fc.stringMatching(/^[0-9a-f]{4}$/),
  });

  it('says what it is of, and is short enough for every provider', ({ expect }) => {
    fc.assert(
      fc.property(names, (name) => {
        const written = writePrebuildName(name);
        expect(readPrebuildName(written)).toEqual(name);
        // A tag of AWS's takes 256, DigitalOcean's whole name 255 with key and instance in it; spuff's providers refuse above 100.
        expect(written.length).toBeLessThanOrEqual(100);
      }),
    );
  });

  it.for([
    'demo-20261123-141500',
    'prebuild.shop',
    'prebuild.Shop.0123456789abcdef.1s-0000',
    'prebuild.a.b.1s-0000',
  ])('is not %j', (name, { expect }) => {
    expect(readPrebuildName(name)).toBeNull();
  });
});

describe('prebuilds that have had their time', () => {
  const prebuild = (id: string, ageDays: number, hash: string, project = 'shop'): ListedPrebuild => ({
    ...{ provider: 'local', project, hash, coldSetupMs: 0, mark: '0000', isOwn: true },
    snapshot: {
      ...{ id, name: id, key: null, instanceName: null, sizeBytes: null, region: null, billed: false },
      createdAt: new Date(nowMs - ageDays * dayMs),
    },
  });
  const pick = (listed: ListedPrebuild[], keep = 2, days = 30) =>
    pickStalePrebuilds(listed, { keep, olderThanMs: days * dayMs }, nowMs).map(({ snapshot }) => snapshot.id);

  it('are those beyond the newest of each project, the oldest first', ({ expect }) => {
    const listed = [
      prebuild('b', 2, 'b'),
      prebuild('d', 4, 'd'),
      prebuild('a', 1, 'a'),
      prebuild('c', 3, 'c'),
    ];
    expect(pick([...listed, prebuild('x', 9, 'a', 'other')])).toEqual(['d', 'c']);
    expect(pick(listed, 0)).toEqual(['d', 'c', 'b', 'a']);
  });

  it('are the older ones of the same, which take no place of others', ({ expect }) => {
    const listed = [
      prebuild('a1', 1, 'a'),
      prebuild('a2', 2, 'a'),
      prebuild('a3', 3, 'a'),
      prebuild('b', 4, 'b'),
    ];
    expect(pick(listed)).toEqual(['a3', 'a2']);
  });

  it('are those that are too old, however few there are', ({ expect }) => {
    expect(pick([prebuild('old', 31, 'a'), prebuild('young', 29, 'b')])).toEqual(['old']);
  });
});
