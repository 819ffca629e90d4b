import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProcess } from '../lib/process.ts';
import {
  findPinned,
  findRuntime,
  type PinnedRuntime,
  pinnedRuntimes,
  type RuntimeSources,
  runtimeVersion,
} from './agent-runtime.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-runtime-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const program = '#!/bin/sh\necho a small runtime\n';

/** A package as a registry has it, and the pins that belong to it. */
async function makePackage(content = program): Promise<{ archive: string; pinned: PinnedRuntime }> {
  const source = join(folder, 'source');
  mkdirSync(join(source, 'package/bin'), { recursive: true });
  writeFileSync(join(source, 'package/bin/node'), content);
  writeFileSync(join(source, 'package/package.json'), '{}');
  const archive = join(folder, 'small-1.0.0.tgz');
  await runProcess(['tar', '-czf', archive, '-C', source, 'package']);
  return {
    archive,
    pinned: {
      packageName: 'small',
      integrity: `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`,
      sha256: createHash('sha256').update(content).digest('hex'),
    },
  };
}

/** An npm that puts a package where it was told to, and counts. */
function sourcesWith(archive: string, calls: string[][]): RuntimeSources {
  return {
    packageFolders: [join(folder, 'node_modules')],
    cacheFolder: join(folder, 'cache'),
    async runProgram(argv, { cwd }) {
      calls.push([...argv]);
      await runProcess(['cp', archive, join(cwd, 'small-1.0.0.tgz')]);
      return { stdout: 'small-1.0.0.tgz\n', stderr: '', exitCode: 0 };
    },
  };
}

describe('the runtime of the agent', () => {
  it('is pinned for both architectures, to the version that spuff itself brings', async () => {
    const about = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      optionalDependencies: Record<string, string>;
    };
    const lock = JSON.parse(readFileSync(join(import.meta.dirname, '../../package-lock.json'), 'utf8')) as {
      packages: Record<string, { integrity?: string }>;
    };
    for (const { packageName, integrity } of Object.values(pinnedRuntimes)) {
      expect(about.optionalDependencies[packageName]).toBe(runtimeVersion);
      expect(lock.packages[`node_modules/${packageName}`]?.integrity).toBe(integrity);
    }
  });

  it('is fetched once, checked, and then taken from the cache', async () => {
    const { archive, pinned } = await makePackage();
    const calls: string[][] = [];
    const sources = sourcesWith(archive, calls);
    const { path } = await findPinned(pinned, sources);
    expect((await runProcess([path])).stdout).toBe('a small runtime\n');
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(await findPinned(pinned, sources)).toEqual({ path, sha256: pinned.sha256 });
    expect(calls).toEqual([['npm', 'pack', '--silent', '--ignore-scripts', `small@${runtimeVersion}`]]);
    expect(readdirSync(sources.cacheFolder)).toEqual([`node-${pinned.sha256}`]);
  });

  it('is taken from the packages beside spuff, when it is the right one', async () => {
    const { archive, pinned } = await makePackage();
    const calls: string[][] = [];
    const sources = sourcesWith(archive, calls);
    const beside = join(folder, 'node_modules/small/bin');
    mkdirSync(beside, { recursive: true });
    writeFileSync(join(beside, 'node'), program);
    expect((await findPinned(pinned, sources)).path).toBe(join(beside, 'node'));
    writeFileSync(join(beside, 'node'), 'another one');
    expect((await findPinned(pinned, sources)).path).toContain('cache');
    expect(calls).toHaveLength(1);
  });

  it('is fetched again when the cache is damaged', async () => {
    const { archive, pinned } = await makePackage();
    const calls: string[][] = [];
    const sources = sourcesWith(archive, calls);
    const { path } = await findPinned(pinned, sources);
    writeFileSync(path, 'damaged');
    await findPinned(pinned, sources);
    expect(calls).toHaveLength(2);
  });

  it('is refused when the registry gives another one, and nothing of it is kept', async () => {
    const { archive, pinned } = await makePackage();
    const wrong = [
      { ...pinned, integrity: `sha512-${createHash('sha512').update('x').digest('base64')}` },
      { ...pinned, sha256: 'a'.repeat(64) },
    ];
    for (const pins of wrong) {
      const sources = sourcesWith(archive, []);
      await expect(findPinned(pins, sources)).rejects.toMatchObject({ code: 'state' });
      expect(readdirSync(sources.cacheFolder)).toEqual([]);
    }
  });

  it('says how to get it when npm can not', async () => {
    const sources: RuntimeSources = {
      packageFolders: [],
      cacheFolder: join(folder, 'cache'),
      runProgram: async () => ({ stdout: '', stderr: 'npm error \u001b[31moffline\n', exitCode: 1 }),
    };
    await expect(findRuntime('x86_64', sources)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('\\x1b[31moffline') as string,
    });
    expect(existsSync(join(folder, 'cache'))).toBe(true);
  });
});
