// `npm test` on any machine: Debian with any Node that runs npm, and root or sudo. Plain JavaScript, because the Node that the
// tests themselves need comes with `npm ci`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { askToGoOn } from './quickstart/consent.mjs';
import { engineAnswers, ensureEngine } from './quickstart/engine.mjs';
import { installPackages, missingTestPackages } from './quickstart/packages.mjs';
import { fail, run, say } from './quickstart/run.mjs';

const project = new URL('..', import.meta.url).pathname;

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (existsSync('/usr/bin/apt-get')) await prepare(options);
  else say('This is no Debian: the tests take what they find, and some may fail for want of a tool.');
  if (!existsSync(join(project, 'node_modules', '.package-lock.json')))
    run(['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: project });
  // npm puts the Node that came with `npm ci` before the system's, but only if it was there when npm started.
  const node = join(project, 'node_modules', '.bin', 'node');
  const { status } = spawnSync(node, ['scripts/test.ts', ...options.only], {
    cwd: project,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exit(status ?? 1);
}

function readOptions(args) {
  const only = args.filter((arg) => !arg.startsWith('-'));
  const unknown = args.find((arg) => arg.startsWith('-') && !['--yes', '-y'].includes(arg));
  if (unknown !== undefined) fail(`unknown option ${unknown}`, 'there is only --yes: npm test -- --yes');
  const inCi = !['', '0', 'false', undefined].includes(process.env.CI);
  return { yes: inCi || args.length > only.length, only };
}

async function prepare({ yes }) {
  const missing = missingTestPackages();
  const engine = engineAnswers();
  if (missing.length === 0 && engine) return;
  say('The tests run on real machines. Before they start, this will:');
  if (missing.length > 0) say(`  - install with apt-get: ${missing.join(' ')}`);
  if (!engine) say('  - start the Docker engine');
  await askToGoOn({ yes, hint: 'say yes beforehand: npm test -- --yes' });
  installPackages(missing);
  await ensureEngine();
}

await main();
