import { describe, expect, it } from 'vitest';
import { checkFits, listSizes, readSize } from './sizes.ts';

const room = { cpus: 4, memoryMiB: 8_000, arch: 'x86_64' } as const;

describe('readSize', () => {
  it.each([
    ['1cpu-1gb', { cpus: 1, memoryMiB: 1_024 }],
    ['3cpu-7gb', { cpus: 3, memoryMiB: 7_168 }],
    ['999cpu-9999gb', { cpus: 999, memoryMiB: 9_999 * 1_024 }],
    ['host', null],
  ])('reads %s', (size, limits) => {
    expect(readSize(size, 'create')).toEqual(limits);
  });

  it.each(['', '0cpu-1gb', '1cpu-0gb', '01cpu-1gb', '1cpu-1gb ', '1CPU-1GB', '-1cpu-1gb', '1.5cpu-1gb', 'x'])(
    'refuses %j',
    (size) => {
      expect(() => readSize(size, 'create')).toThrow(
        expect.objectContaining({
          providerCode: 'invalid',
          info: expect.objectContaining({ field: 'size', op: 'create' }),
        }),
      );
    },
  );
});

describe('checkFits', () => {
  it('lets pass what there is room for', () => {
    for (const size of ['4cpu-7gb', '1cpu-1gb', 'host']) {
      expect(() => checkFits(size, room, 'create')).not.toThrow();
    }
  });

  it.each(['5cpu-1gb', '1cpu-8gb'])('refuses %s on a smaller computer, and names what fits', (size) => {
    expect(() => checkFits(size, room, 'create')).toThrow(
      expect.objectContaining({
        providerCode: 'capacity',
        hints: expect.arrayContaining(['take a smaller one: --size 2cpu-4gb']),
      }),
    );
  });

  it('names host where not even the smallest fits', () => {
    const small = { ...room, memoryMiB: 500 };
    expect(() => checkFits('1cpu-1gb', small, 'create')).toThrow(
      expect.objectContaining({ hints: expect.arrayContaining(['take a smaller one: --size host']) }),
    );
  });
});

describe('listSizes', () => {
  it('lists what fits, smallest first, host last', () => {
    const sizes = listSizes(room);
    expect(sizes.map(({ id }) => id)).toEqual(['1cpu-1gb', '1cpu-2gb', '2cpu-4gb', 'host']);
    expect(sizes.at(-1)).toMatchObject({ vcpus: 4, memoryMiB: 8_000, hourly: null, arch: 'x86_64' });
  });
});
