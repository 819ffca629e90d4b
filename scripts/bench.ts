/**
 * `npm run bench`: spuff against named peers, measured in turn in one run, so that only ratios count. Needs what
 * `npm test` needs: root, a Docker engine, mmdebstrap. `--quick` takes fewer rounds, `--prebuild` measures the setup of a project alone.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { measureAgent } from './bench/agent.ts';
import { measureBackground } from './bench/background.ts';
import { measureCloudUp, measureLists } from './bench/clouds.ts';
import { measureExec } from './bench/exec.ts';
import { measureGuard } from './bench/guard.ts';
import { measurePrebuild } from './bench/prebuild.ts';
import { type BenchSetup, makeSetup } from './bench/setup.ts';
import { measureStartUp } from './bench/start-up.ts';
import { measureSync } from './bench/sync.ts';
import { printTable } from './bench/table.ts';
import { measureUp } from './bench/up.ts';

const rounds = process.argv.includes('--quick')
  ? { commands: 5, machines: 2, setups: 1 }
  : { commands: 15, machines: 5, setups: 3 };

async function main(): Promise<void> {
  const project = join(import.meta.dirname, '..');
  if (!existsSync(join(project, 'dist', 'spuff.cjs'))) throw new Error('there is no build: npm run build');
  const setup = await makeSetup(project);
  try {
    console.log(`Node ${process.version}, ${setup.processor}. Medians; the peers ran in turn with spuff.`);
    if (!process.argv.includes('--prebuild'))
      printTable('Creating a machine', await measureUp(setup, rounds.machines));
    printTable('Setting a project up', await measurePrebuild(setup, rounds.setups));
    if (process.argv.includes('--prebuild')) return;
    await setup.spuff(['up', 'bench', '--no-connect']);
    printTable('Start-up', await measureStartUp(setup, rounds.commands));
    printTable('The reaper after a command', await measureBackground(setup, rounds.commands));
    printTable('Running a command', await measureExec(setup, rounds.commands));
    printTable('Files of a project', await measureSync(setup, rounds.machines));
    printTable('The agent', await measureAgent(setup));
    printTable('The guard of the ssh-agent', await measureGuard(rounds.commands));
    printTable('Clouds, simulated', [
      ...(await measureLists(setup, rounds.machines)),
      ...(await measureCloudUp(setup, rounds.machines)),
    ]);
  } finally {
    await tearDown(setup);
  }
}

async function tearDown(setup: BenchSetup): Promise<void> {
  await setup.spuff(['down', '--all', '--force']);
  setup.remove();
}

await main();
