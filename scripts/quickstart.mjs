// From a fresh clone to a machine that was made, used and destroyed. Plain JavaScript for any Node that runs npm: the
// Node that spuff itself needs comes with `npm ci`, in the second stage.
import { existsSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { askToGoOn } from './quickstart/consent.mjs';
import { ensureEngine } from './quickstart/engine.mjs';
import { installLauncher } from './quickstart/launcher.mjs';
import { installPackages, missingPackages } from './quickstart/packages.mjs';
import { fail, heading, run, say } from './quickstart/run.mjs';

const project = new URL('..', import.meta.url).pathname;
const options = readOptions(process.argv.slice(2));

async function main() {
  checkPlatform();
  sayWhatItDoes();
  await askToGoOn({ yes: options.yes, hint: 'say yes beforehand: npm run quickstart -- --yes' });
  installPackages(missingPackages());
  await ensureEngine();
  buildProject();
  const spuff = installLauncher(project);
  showMainJob(spuff);
  sayHowToGoOn(spuff);
}

function readOptions(args) {
  const known = new Set(['--yes', '-y', '--help', '-h']);
  const unknown = args.find((arg) => !known.has(arg));
  if (unknown !== undefined)
    fail(`unknown option ${unknown}`, 'there is only --yes: npm run quickstart -- --yes');
  if (args.includes('--help') || args.includes('-h')) {
    say(
      'npm run quickstart            install what is missing (asks first), build, and try spuff on a real machine',
    );
    say('npm run quickstart -- --yes   the same without asking, for scripts');
    process.exit(0);
  }
  return { yes: args.includes('--yes') || args.includes('-y') };
}

function checkPlatform() {
  if (platform() !== 'linux' || !existsSync('/usr/bin/apt-get')) {
    fail(
      'the quick start knows Debian and its kin only: the base image is made of Debian packages',
      'elsewhere, run it in a Debian virtual machine',
    );
  }
  if (!['x64', 'arm64'].includes(arch()))
    fail(`there is no base image for ${arch()} yet`, 'use an x86_64 or arm64 machine');
}

function sayWhatItDoes() {
  const missing = missingPackages();
  say('spuff quick start. It will:');
  if (missing.length > 0) say(`  - install with apt-get: ${missing.join(' ')}`);
  say('  - start the Docker engine, unless one runs');
  say('  - install the npm packages of this project, build it, and put `spuff` on the PATH');
  say('  - make a base image from Debian packages (some 250 MB, kept for the next time)');
  say('  - make a machine named "demo" on this computer, use it, and destroy it');
}

function buildProject() {
  heading('Install the npm packages and build');
  if (!existsSync(join(project, 'node_modules', '.package-lock.json')))
    run(['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: project });
  run(['npm', 'run', '--silent', 'build'], { cwd: project });
}

function showMainJob(spuff) {
  heading('The main job: make a machine, use it, destroy it');
  const listed = JSON.parse(run([spuff, 'ls', '--json'], { capture: true }));
  if (listed.instances.some((instance) => instance.name === 'demo')) {
    fail('there is an instance named demo already', 'remove it and run this again: spuff down demo');
  }
  run([spuff, 'init', '--yes']);
  run([spuff, 'image', 'build']);
  run([spuff, 'up', 'demo', '--no-connect']);
  run([
    spuff,
    'exec',
    'demo',
    '--',
    'sh',
    '-c',
    'echo "hello from $(hostname), $(uname -sr), $(nproc) cores"',
  ]);
  run([spuff, 'status', 'demo']);
  run([spuff, 'down', 'demo']);
  run([spuff, 'ls']);
}

function sayHowToGoOn(spuff) {
  heading('It works. How to go on');
  const command = process.env.PATH?.split(':').some((directory) => join(directory, 'spuff') === spuff)
    ? 'spuff'
    : spuff;
  say(`  ${command} up            a machine for this directory, and a shell on it`);
  say(`  ${command} ls            what there is, and until when`);
  say(`  ${command} down          destroy it again`);
  say(`  ${command} --help        everything else`);
}

await main();
