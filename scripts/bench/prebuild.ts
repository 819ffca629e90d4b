import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, measureInTurn, runTimed } from './measure.ts';
import type { BenchSetup } from './setup.ts';
import { formatMs, type Row } from './table.ts';
import { findImage, runPlainScript } from './up.ts';

/** Of Debian alone: what a registry of npm takes differs from hour to hour. */
const packages = ['nodejs', 'git', 'ripgrep', 'build-essential'];
const commands = ['node --version >version.txt'];

/** From `up` to the end of the setup of a Node project, cold and from a prebuild, against a script that does the same by hand. */
export async function measurePrebuild(setup: BenchSetup, rounds: number): Promise<Row[]> {
  const folder = join(setup.home, '..', 'shop');
  mkdirSync(folder, { recursive: true });
  const file = { version: '1', name: 'bench-shop', packages, setup: commands, sync: 'none' };
  writeFileSync(join(folder, 'spuff.yaml'), JSON.stringify(file));
  const image = await findImage();
  await setup.spuff(['prebuild', 'create', '--again'], folder);
  const up = (name: string, ...args: string[]): Job => ({
    name,
    once: async () => {
      const { ms } = await setup.spuff(['up', 'bench-setup', '--no-connect', ...args], folder);
      await setup.spuff(['down', 'bench-setup', '--force']);
      return ms;
    },
  });
  const script: Job = {
    name: 'docker run, ssh and apt-get of the same, by a plain script',
    once: () => runPlainScript(setup, image, (ssh) => runTimed([...ssh, plainSetup()])),
  };
  try {
    const jobs = [up('cold', '--no-prebuild'), up('from a prebuild'), script];
    const [cold, warm, plain] = await measureInTurn(jobs, rounds);
    if (!cold || !warm || !plain) throw new Error('a job was not measured');
    return [cold, warm].map(({ name, medianMs }) => ({
      ...{ what: `spuff up of a Node project, ${name}`, value: formatMs(medianMs) },
      peer: `${plain.name}: ${formatMs(plain.medianMs)}`,
      ratio: `${(medianMs / plain.medianMs).toFixed(2)} ×`,
      ...{ aim: '', met: null },
    }));
  } finally {
    await setup.spuff(['prebuild', 'prune', '--keep', '0', '--force'], folder);
  }
}

/** One line for the machine's shell, as a person would write it. */
function plainSetup(): string {
  const apt = 'sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq';
  const steps = [
    `${apt} update`,
    `${apt} install --yes --no-install-recommends ${packages.join(' ')}`,
    'mkdir -p shop && cd shop',
    ...commands,
  ];
  return steps.join(' && ');
}
