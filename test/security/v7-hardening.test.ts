import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProcess } from '../../src/lib/process.ts';
import { type BootMachine, BootScene } from '../e2e/boot-machine.ts';

/** What Lynis makes of a machine, out of 100, and which of its tests it suggests something for. */
async function askLynis(machine: BootMachine, folder: string): Promise<{ index: number; report: string }> {
  const packages = readdirSync(folder).filter((name) => name.endsWith('.deb'));
  for (const name of packages)
    await runProcess(['docker', 'cp', join(folder, name), `${machine.id}:/root/${name}`], {
      timeoutMs: 30_000,
    });
  // It wants e2fsprogs, which a machine without a file system of its own does not have.
  await machine.ok(['dpkg', '--force-depends', '--install', ...packages.map((name) => `/root/${name}`)], {
    timeoutMs: 60_000,
  });
  await machine.run(['lynis', 'audit', 'system', '--quick', '--no-colors', '--quiet'], {
    timeoutMs: 150_000,
  });
  const report = await machine.ok(['cat', '/var/log/lynis-report.dat']);
  return { index: Number(/^hardening_index=(\d+)$/m.exec(report)?.[1]), report };
}

// V7: the machine as a whole is harder than the image that it is made from, by the word of a tool that is not ours.
describe('the hardening of a machine', () => {
  const scene = new BootScene();
  let machine: BootMachine;
  let stock: BootMachine;

  beforeAll(async () => {
    machine = await scene.boot(await scene.makeLoginKey('login'));
    ({ neighbour: stock } = await scene.startNeighbour(machine));
    // The package of Debian, fetched by this computer's apt, which checks its signature.
    const fetched = await runProcess(['apt-get', 'download', 'lynis'], {
      cwd: scene.folder,
      timeoutMs: 60_000,
    });
    expect(fetched).toMatchObject({ exitCode: 0 });
  });
  afterAll(() => scene.remove());

  it('is at least 10 more by the index of Lynis than that of the stock image', async () => {
    const [ours, theirs] = await Promise.all([
      askLynis(machine, scene.folder),
      askLynis(stock, scene.folder),
    ]);
    expect(theirs.index).toBeGreaterThan(0);
    expect(ours.index).toBeGreaterThanOrEqual(theirs.index + 10);
  });
});
