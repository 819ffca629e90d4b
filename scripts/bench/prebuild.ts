import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { planBundles } from '../../src/bootstrap/plan-bundles.ts';
import {
  aptInstallStep,
  type BundleStep,
  planBundleSteps,
  updateAptStep,
} from '../../src/domain/bundle-steps.ts';
import { quoteCommand } from '../../src/lib/shell-quote.ts';
import { type Job, measureInTurn, runTimed } from './measure.ts';
import type { BenchSetup } from './setup.ts';
import { formatMs, type Row } from './table.ts';
import { findImage, runPlainScript } from './up.ts';

const packages = ['ripgrep', 'jq'];

/** From `up` to the end of the setup of a Node project, cold and from a prebuild, against a script that does the same by hand. */
export async function measurePrebuild(setup: BenchSetup, rounds: number): Promise<Row[]> {
  const folder = join(setup.home, '..', 'shop');
  mkdirSync(folder, { recursive: true });
  const file = { version: '1', name: 'shop', bundles: ['node'], packages, sync: 'none' };
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
    name: 'docker run, ssh, apt-get, curl and npm of the same, by a plain script',
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

/** One line for the machine's shell: the commands of the bundle one after the other, with its packages in one transaction. */
function plainSetup(): string {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x86_64';
  const [plan] = planBundles([{ name: 'node', version: null }], { arch });
  if (!plan) throw new Error('there is no bundle node');
  const wanted = [...new Set([...packages, ...plan.aptPackages, 'ca-certificates', 'curl', 'xz-utils'])];
  const isOfApt = ({ argv }: BundleStep) => argv[0] === 'apt-get';
  const steps = [
    updateAptStep,
    aptInstallStep(wanted),
    ...planBundleSteps(plan).filter((step) => !isOfApt(step)),
  ];
  return steps
    .map(({ argv, env, required }) => {
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      const line = quoteCommand(['sudo', 'env', ...variables, ...argv]);
      return required ? line : `(${line} || true)`;
    })
    .join(' && ');
}
