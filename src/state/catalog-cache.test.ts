import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallOptions, Provider } from '../domain/provider.ts';
import { cacheCatalog } from './catalog-cache.ts';

const catalog: Awaited<ReturnType<Provider['catalog']>> = {
  regions: [{ id: 'here', available: true }],
  sizes: [
    {
      ...{ id: 'small', vcpus: 1, memoryMiB: 1_024, diskGiB: null, arch: 'x86_64', gpu: false },
      hourly: { amount: '0.00744', currency: 'USD', basis: 'net' },
      regions: [{ id: 'here', available: true, deprecatedAfter: new Date(5) }],
    },
  ],
  images: [
    {
      ...{ ref: { kind: 'slug', slug: 'debian-12' }, name: 'debian-12', os: 'Debian', arch: 'x86_64' },
      ...{ sizeBytes: null, createdAt: new Date(7), deprecatedAfter: null },
    },
  ],
};
const call: CallOptions = { signal: new AbortController().signal, deadline: new Date(9e12) };

let folder: string;
let asked = 0;
let nowMs = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-catalog-'));
  asked = 0;
  nowMs = 1_000_000_000;
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = () => join(folder, 'cache', 'catalog.json');

/** As the next command has it: with nothing in memory. */
function open(
  source = 'https://api.example.com',
  more: { lifetimeMs?: number; told?: typeof catalog } = {},
): Provider {
  const { told = catalog, ...lifetime } = more;
  const provider = {
    caps: { prices: 'separate-api' },
    catalog: async () => {
      asked += 1;
      return told;
    },
  } as unknown as Provider;
  return cacheCatalog(provider, { path: path(), source, now: () => nowMs, ...lifetime });
}

describe('the catalogue', () => {
  it('is asked for once an hour, and is the same from the file', async () => {
    expect(await open().catalog(call)).toEqual(catalog);
    expect(await open().catalog(call)).toEqual(catalog);
    expect(asked).toBe(1);
    nowMs += 3_600_001;
    await open().catalog(call);
    expect(asked).toBe(2);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('that is said to be good for longer is asked for as seldom', async () => {
    const day = { lifetimeMs: 86_400_000 };
    await open(undefined, day).catalog(call);
    nowMs += 86_000_000;
    expect(await open(undefined, day).catalog(call)).toEqual(catalog);
    expect(asked).toBe(1);
    nowMs += 400_001;
    await open(undefined, day).catalog(call);
    expect(asked).toBe(2);
  });

  it('without any price is asked for again soon: somebody may have been allowed to know them meanwhile', async () => {
    const told = { ...catalog, sizes: catalog.sizes.map((size) => ({ ...size, hourly: null })) };
    await open(undefined, { told }).catalog(call);
    nowMs += 300_000;
    await open(undefined, { told }).catalog(call);
    expect(asked).toBe(1);
    nowMs += 1;
    expect(await open().catalog(call)).toEqual(catalog);
    expect(asked).toBe(2);
  });

  it('of another address is not taken, nor one of the future', async () => {
    await open().catalog(call);
    await open('http://127.0.0.1:1').catalog(call);
    expect(asked).toBe(2);
    nowMs -= 60_000;
    await open('http://127.0.0.1:1').catalog(call);
    expect(asked).toBe(3);
  });

  it.each(['', '{', '[]', '{"format":1}', 'null', '{"format":9}'])(
    'is asked for anew where the file holds %j',
    async (text) => {
      await open().catalog(call);
      writeFileSync(path(), text);
      expect(await open().catalog(call)).toEqual(catalog);
      expect(asked).toBe(2);
    },
  );

  it('comes also where nothing can be written', async () => {
    writeFileSync(join(folder, 'cache'), 'no directory');
    chmodSync(folder, 0o500);
    expect(await open().catalog(call)).toEqual(catalog);
    chmodSync(folder, 0o700);
  });

  it('is not given to a call that is over', async () => {
    await open().catalog(call);
    await expect(open().catalog({ ...call, signal: AbortSignal.abort() })).rejects.toThrow();
  });
});
