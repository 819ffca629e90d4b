/**
 * `npm run sim -- digitalocean`: a simulated cloud on this computer, with real machines behind it, to try spuff without an
 * account. It needs what the local provider needs: a container engine, and the base image.
 */
import { once } from 'node:events';
import { ensureBaseImage, ensureEngine, openProvider } from '../test/machine/lab.ts';
import { realMachines } from '../test/simulators/machine-backing.ts';
import { simulatedClouds, startSim } from '../test/simulators/start.ts';

const [name = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  if (!simulatedClouds.includes(name)) {
    console.error(`usage: npm run sim -- ${simulatedClouds.join('|')}`);
    process.exitCode = 2;
    return;
  }
  const local = openProvider();
  await ensureEngine(local);
  await ensureBaseImage(local);
  const backing = realMachines(local);
  const { harness, env } = await startSim(name, backing);
  printHowTo(env);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  console.log('\nremoving the machines that are left');
  await backing.removeAll();
  await harness.sim.stop();
}

function printHowTo(env: Readonly<Record<string, string>>): void {
  console.log(`A simulated ${name}, until Ctrl-C. In another terminal:\n`);
  console.log('  export SPUFF_HOME=$(mktemp -d)');
  for (const [variable, value] of Object.entries(env)) console.log(`  export ${variable}='${value}'`);
  console.log(`  spuff init --yes && spuff config set provider ${name} && spuff config set firewall open`);
  console.log('  spuff up demo\n');
}

await main();
