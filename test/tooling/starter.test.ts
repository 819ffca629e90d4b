import { execFile } from 'node:child_process';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

const project = path.resolve(import.meta.dirname, '../..');

interface Run {
  exitCode: number;
  stdout: string;
  stderr: string;
}

function runProgram(argv: readonly [string, ...string[]], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const [command, ...args] = argv;
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { env: { PATH: '/usr/bin:/bin', HOME: home, ...env } },
      (error, stdout, stderr) => {
        resolve({ exitCode: error ? Number(error.code) : 0, stdout, stderr });
      },
    );
  });
}

let scratch: string;
let home: string;
let dist: string;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'spuff-starter-'));
  home = scratch;
  dist = path.join(scratch, 'package/dist');
  await mkdir(path.dirname(dist));
  const built = await runProgram([process.execPath, path.join(project, 'scripts/build.ts'), dist]);
  expect(built).toMatchObject({ exitCode: 0 });
  // What the starter hands over to is not under test here: it says which Node runs it, and with what.
  await writeFile(
    path.join(dist, 'cli.cjs'),
    'console.log(JSON.stringify([process.execPath, process.argv.slice(2)]))',
  );
}, 60_000);

beforeEach(async () => {
  home = await mkdtemp(path.join(scratch, 'home-'));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Lays a Node where `npm install` puts the one of this platform. */
async function placeOwnNode(modules: string): Promise<string> {
  const node = path.join(modules, `node-linux-${process.arch}/bin/node`);
  await mkdir(path.dirname(node), { recursive: true });
  await symlink(process.execPath, node);
  return node;
}

test('--version is the version of the package', async () => {
  const { version } = JSON.parse(await readFile(path.join(project, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(await runProgram([path.join(dist, 'spuff'), '--version'])).toEqual({
    exitCode: 0,
    stdout: `${version}\n`,
    stderr: '',
  });
});

test('the Node of the package runs it, through a link and with its arguments untouched', async () => {
  const modules = path.join(scratch, 'package/node_modules');
  await placeOwnNode(modules);
  const link = path.join(scratch, 'linked spuff');
  await symlink(dist, path.join(scratch, 'linked dist'));
  await symlink(path.join(scratch, 'linked dist/spuff'), link);
  const args = ['exec', 'demo', '--', 'a b', '', '$HOME', '--version', "it's", 'new\nline'];
  const run = await runProgram([link, ...args], { PATH: '/usr/bin:/bin' });
  await rm(modules, { recursive: true });
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(JSON.parse(run.stdout)).toEqual([process.execPath, args]);
});

test('the Node beside the package runs it, where npm has laid it flat', async () => {
  const modules = path.join(scratch, 'flat/node_modules');
  await cp(dist, path.join(modules, 'spuff/dist'), { recursive: true });
  await placeOwnNode(modules);
  const run = await runProgram([path.join(modules, 'spuff/dist/spuff'), 'ls']);
  expect(JSON.parse(run.stdout)).toEqual([process.execPath, ['ls']]);
});

test('without a Node of its own, it takes the one on the PATH', async () => {
  const bin = path.join(home, 'bin');
  await mkdir(bin);
  await symlink(process.execPath, path.join(bin, 'node'));
  const run = await runProgram([path.join(dist, 'spuff'), 'ls'], { PATH: `${bin}:/usr/bin:/bin` });
  expect(JSON.parse(run.stdout)).toEqual([process.execPath, ['ls']]);
});

test('an old Node gets one clear error', async () => {
  const pretend = path.join(home, 'pretend.cjs');
  await writeFile(
    pretend,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });
     Object.defineProperty(process, 'version', { value: 'v20.1.0' });`,
  );
  const run = await runProgram([process.execPath, '--require', pretend, path.join(dist, 'spuff.cjs'), 'ls']);
  expect(run).toMatchObject({ exitCode: 1, stdout: '' });
  expect(run.stderr).toMatch(/^error: spuff needs Node 24 or newer; this is v20\.1\.0\nhint: .+\n$/);
});

test('compiled code is kept in a directory that only this user can enter', async () => {
  await runProgram([process.execPath, path.join(dist, 'spuff.cjs')]);
  const { mode } = await stat(path.join(home, '.cache/spuff'));
  expect(mode & 0o777).toBe(0o700);
  expect(await readdir(path.join(home, '.cache/spuff'))).toEqual(['compiled']);
});

test('a cache directory that others can write to is not used', async () => {
  const cache = path.join(home, '.cache/spuff');
  await mkdir(cache, { recursive: true });
  await chmod(cache, 0o777);
  const run = await runProgram([process.execPath, path.join(dist, 'spuff.cjs')]);
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await readdir(cache)).toEqual([]);
});

test('a home where nothing can be made does not stop it', async () => {
  const run = await runProgram([process.execPath, path.join(dist, 'spuff.cjs')], { HOME: '/proc/none' });
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
});

test('a home that is not a directory does not stop it', async () => {
  await copyFile('/dev/null', path.join(home, 'file'));
  const run = await runProgram([process.execPath, path.join(dist, 'spuff.cjs')], {
    HOME: path.join(home, 'file'),
  });
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
});

test('the licences of what is bundled come along', async () => {
  const text = await readFile(path.join(dist, 'LICENSES.txt'), 'utf8');
  expect(text).toMatch(/^dockerode \d/m);
  expect(text).toContain('Licensed under the Apache License');
});
