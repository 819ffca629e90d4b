import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanScript } from '../../src/app/clean-for-prebuild.ts';
import { setupLogFolder, setupStateFolder } from '../../src/domain/setup-paths.ts';
import { ProjectScene } from '../e2e/project-scene.ts';
import { rootOf } from '../e2e/root-of-instance.ts';
import { formsOf, privateLines, type RootOnMachine, searchMachine } from '../machine/search-machine.ts';

// L4: a disk that other machines start from has what is installed on it, and nothing of its user's.

interface Prebuild {
  id: string;
  name: string;
  project: string;
  isOwn: boolean;
  coldSetupMs: number;
}

const secrets = {
  ofFile: `canary-${randomBytes(18).toString('hex')}`,
  ofShell: `canary-${randomBytes(18).toString('hex')}`,
};
const content = {
  packages: ['tree'],
  prebuild: 'auto',
  keep_env: true,
  env: { OF_SHELL: '$CANARY_OF_SHELL' },
  setup: [
    'printenv OF_FILE >~/.npmrc; printenv OF_SHELL >>~/.bash_history; printenv OF_FILE >/tmp/left; echo once >>~/once',
    'printenv OF_SHELL | sudo tee /root/left /var/log/left.log /usr/local/left',
  ],
};

let scene: ProjectScene;
let needles: string[];

const spuff = (...args: string[]) => scene.spuff(args, { CANARY_OF_SHELL: secrets.ofShell });
async function ok(...args: string[]) {
  const result = await spuff(...args);
  expect(result, `${args.join(' ')}: ${result.stderr}`).toMatchObject({ exitCode: 0 });
  return result;
}
const listPrebuilds = async () =>
  (JSON.parse((await ok('prebuild', 'list', '--json')).stdout) as { prebuilds: Prebuild[] }).prebuilds;
const ownPrebuilds = async () => (await listPrebuilds()).filter(({ isOwn }) => isOwn);
async function plannedImage(...args: string[]) {
  const { stdout, stderr } = await ok('up', 'planned', '--dry-run', '--json', ...args);
  const { plans } = JSON.parse(stdout) as { plans: { image: { kind: string } }[] };
  return { image: plans[0]?.image, stderr };
}

/** What is in a snapshot before anything has started from it. */
function inSnapshot(id: string): RootOnMachine {
  return {
    ok: async ([program = '', ...args], options = {}) =>
      execFileSync(
        'docker',
        [
          'run',
          '--rm',
          '--interactive',
          '--network',
          'none',
          '--user',
          '0',
          '--entrypoint',
          program,
          id,
          ...args,
        ],
        { input: options.stdin ?? '', encoding: 'utf8' },
      ),
  };
}

beforeAll(() => {
  scene = new ProjectScene();
  needles = [...Object.values(secrets).flatMap(formsOf), ...privateLines(scene.user.key)];
  writeFileSync(join(scene.folder, 'spuff.secrets.yaml'), `env: { OF_FILE: ${secrets.ofFile} }\n`, {
    mode: 0o600,
  });
  scene.write(content);
});
afterAll(async () => {
  await spuff('down', '--all', '--force');
  await spuff('prebuild', 'prune', '--keep', '0', '--force');
  await scene.remove();
});

describe('a prebuild', () => {
  it('is made before anything of the user comes to the machine, and has what is installed', async () => {
    await ok('up', 'shop', '--no-connect');
    const found = await searchMachine(await rootOf(scene.home, 'shop'), needles);
    expect(found).toEqual(
      expect.arrayContaining([
        ...['/home/dev/.npmrc', '/home/dev/.bash_history', '/tmp/left', '/root/left', '/var/log/left.log'],
        ...['/usr/local/left', `${setupStateFolder}/order.json`],
      ]),
    );
    const [prebuild, ...others] = await ownPrebuilds();
    expect(others).toEqual([]);
    expect(prebuild).toMatchObject({ project: 'shop', isOwn: true });
    expect(prebuild?.coldSetupMs).toBeGreaterThan(0);
    const disk = inSnapshot(prebuild?.id ?? '');
    expect(await searchMachine(disk, needles)).toEqual([]);
    expect(await disk.ok(['sh', '-c', 'command -v tree; ls -A /home/dev /root /tmp'])).not.toContain('once');
    expect(await disk.ok(['sh', '-c', 'command -v tree'])).toBe('/usr/bin/tree\n');
  });

  it('is what the next machine starts from, which has to do the rest alone', async () => {
    const { stderr } = await ok('up', 'second', '--no-connect');
    expect(stderr).toMatch(
      /second started from prebuild\.shop\.\S+: its packages and tools took \S+ then, 0s now/,
    );
    const { setup } = JSON.parse((await ok('setup', 'second', '--json')).stdout) as {
      setup: { parts: { kind: string; state: string; startedAt: string | null }[] };
    };
    expect(setup.parts.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      ...['packages done', 'script done', 'script done'],
    ]);
    expect(setup.parts[0]?.startedAt).toBeNull();
    expect((await ok('exec', 'second', '--', 'cat', 'once')).stdout).toBe('once\n');
    expect(await ownPrebuilds()).toHaveLength(1);
  });

  it('is not started from where the project asks for something else, or the user says so', async () => {
    expect((await plannedImage()).image).toMatchObject({ kind: 'id' });
    expect((await plannedImage('--no-prebuild')).image).toMatchObject({ kind: 'slug' });
    scene.write({ ...content, prebuild: 'off' });
    expect((await plannedImage()).image).toMatchObject({ kind: 'slug' });
    scene.write({ ...content, packages: ['tree', 'jq'] });
    const { image, stderr } = await plannedImage();
    expect(image).toMatchObject({ kind: 'slug' });
    expect(stderr).toContain(
      'no prebuild of shop is used: what there is, is of other packages, bundles or images',
    );
    // Variables and commands are no part of what it was made of.
    scene.write({ ...content, setup: ['true'], env: {} });
    expect((await plannedImage()).image).toMatchObject({ kind: 'id' });
    scene.write(content);
  });
});

describe('the disk of a machine that a prebuild is made of', () => {
  it('is not kept where there are variables, and is cleaned of what programs leave', async () => {
    const second = await rootOf(scene.home, 'second');
    const clean = ['sh', '-c', cleanScript, 'clean', '/home/dev', setupStateFolder, setupLogFolder];
    await expect(second.ok(clean)).rejects.toThrow(': 90');
    await second.ok([
      'rm',
      '-f',
      `${setupStateFolder}/order.json`,
      '/run/spuff/env/session.sh',
      '/usr/local/left',
    ]);
    await second.ok(['rm', '-rf', '/run/spuff/setup', '/var/log/left.log']);
    const leave = `set -e
for folder in /root /home/dev; do
  mkdir -p $folder/.config/gh $folder/.npm/_cacache $folder/.docker $folder/.aws $folder/.ssh
  for file in .npmrc .netrc .git-credentials .python_history .config/gh/hosts.yml .npm/_cacache/a .docker/config.json .aws/credentials .ssh/id_ed25519; do
    echo ${secrets.ofFile} >$folder/$file
  done
done
echo ${secrets.ofFile} >/var/tmp/left
echo "//registry.example/:_authToken=${secrets.ofFile}" >>/etc/npmrc
echo ${secrets.ofFile} >${setupLogFolder}/packages.log
echo ${secrets.ofFile} >/var/log/some.log.1`;
    await second.ok(['bash', '-s'], { stdin: leave });
    const machine = { ok: second.ok };
    const onDisk = async () =>
      (await searchMachine(machine, needles)).filter((path) => !path.startsWith('/run/'));
    expect((await onDisk()).length).toBeGreaterThanOrEqual(22);
    await second.ok(clean);
    expect(await onDisk()).toEqual([]);
    expect((await ok('exec', 'second', '--', 'true')).exitCode).toBe(0);
  });
});

describe('spuff prebuild', () => {
  it('makes one on a machine of its own, which goes, and lets the others go', async () => {
    await ok('down', 'shop', 'second', '--force');
    const [before] = await ownPrebuilds();
    expect((await ok('prebuild', 'create')).stdout).toBe(`${before?.name}\n`);
    const { stdout } = await ok('prebuild', 'create', '--again');
    const after = await ownPrebuilds();
    // Of two of the same the newer one stays.
    expect(after.map(({ name }) => `${name}\n`)).toEqual([stdout]);
    expect(after[0]?.id).not.toBe(before?.id);
    expect(JSON.parse((await ok('ls', '--json')).stdout)).toMatchObject({ instances: [] });
    await ok('prebuild', 'rm', after[0]?.name ?? '');
    expect(await ownPrebuilds()).toEqual([]);
  });
});
