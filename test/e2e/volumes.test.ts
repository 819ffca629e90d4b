/** Folders of a real machine, mounted here by the real sshfs. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ProjectScene } from './project-scene.ts';

let scene: ProjectScene;
let mnt: string;

interface Shown {
  instance: string | null;
  target: string;
  mountPoint: string;
  state: string;
}

beforeAll(async () => {
  scene = new ProjectScene();
  mnt = join(scene.folder, 'mnt');
  await scene.home.ok(['init', '--yes']);
  mkdirSync(join(scene.folder, 'seed', 'sub'), { recursive: true });
  writeFileSync(join(scene.folder, 'seed', 'sub', 'a b.txt'), 'from here\n');
  writeFileSync(join(scene.folder, 'seed', 'spuff.secrets.yaml'), 'env: { A: canary }\n');
  symlinkSync('/etc/hostname', join(scene.folder, 'seed', 'link'));
  scene.write({ volumes: [{ source: 'seed', target: 'data', mount_point: 'mnt' }] });
  await scene.home.ok(['up', '--no-connect'], { cwd: scene.folder });
});

afterAll(async () => {
  for (const { mountPoint } of await shown(['ls']).catch(() => [])) {
    execFileSync('fusermount3', ['-uz', mountPoint], { stdio: 'ignore' });
  }
  await scene.remove();
});

async function shown(args: readonly string[]): Promise<Shown[]> {
  const { stdout } = await scene.home.ok(['volume', ...args, '--json'], { cwd: scene.folder });
  const { volumes } = JSON.parse(stdout) as { volumes: Shown[] };
  // Others may be mounted on this computer, of another home.
  const own = [scene.user.path, scene.home.path];
  return volumes.filter(({ mountPoint }) => own.some((path) => mountPoint.startsWith(path)));
}
const here = (...path: string[]) => readFileSync(join(mnt, ...path), 'utf8');

it('up has copied the source and shows it here, writable both ways', async () => {
  expect(here('sub', 'a b.txt')).toBe('from here\n');
  writeFileSync(join(mnt, 'new'), 'of mine\n');
  expect(await scene.onMachine('cat', 'data/new')).toBe('of mine\n');
  expect(await scene.onMachine('stat', '-c', '%U', 'data/new')).toBe('dev\n');
  await scene.onMachine('sh', '-c', 'echo theirs > data/there');
  expect(here('there')).toBe('theirs\n');
  // Also what was not there when the folder was last looked into.
  expect(readdirSync(mnt)).toContain('there');
  await scene.onMachine('touch', 'data/later');
  await expect.poll(() => readdirSync(mnt), { timeout: 15_000 }).toContain('later');
  expect(await shown(['status'])).toEqual([
    {
      ...{ instance: 'shop', target: '/home/dev/data', mountPoint: mnt },
      key: expect.any(String),
      state: 'answers',
    },
  ]);
});

it('brings along neither secrets nor what a link leads to', async () => {
  expect(await scene.onMachine('ls', '-A', 'data')).not.toContain('secrets');
  expect(await scene.onMachine('readlink', 'data/link')).toBe('/etc/hostname\n');
});

it('follows a link of the machine there, and not to a file of this computer', async () => {
  const mine = join(scene.user.path, 'private');
  writeFileSync(mine, 'canary');
  await scene.onMachine('ln', '-s', mine, 'data/trap');
  await scene.onMachine('ln', '-s', '/etc/hostname', 'data/name');
  expect(() => here('trap')).toThrow(/ENOENT/);
  expect(() => writeFileSync(join(mnt, 'trap'), 'overwritten', { flag: 'r+' })).toThrow(/ENOENT/);
  expect(readFileSync(mine, 'utf8')).toBe('canary');
  expect(here('name')).toBe('shop\n');
});

it('runs nothing that is on the machine', async () => {
  await scene.onMachine('sh', '-c', 'printf "#!/bin/sh\\n" > data/run; chmod 755 data/run');
  expect(() => execFileSync(join(mnt, 'run'))).toThrow(/EACCES/);
});

it('is mounted once, and not over what is there', async () => {
  const again = await scene.spuff(['volume', 'mount']);
  expect(again.stdout).toContain('already');
  mkdirSync(join(scene.folder, 'full'));
  writeFileSync(join(scene.folder, 'full', 'mine'), '');
  const refused = await scene.spuff(['volume', 'mount', 'shop', '--folder', 'data', '--at', 'full']);
  expect(refused).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('is not empty') });
  symlinkSync('/srv', join(scene.folder, 'way'));
  scene.write({ volumes: [{ target: 'data', mount_point: 'way/out' }] });
  const led = await scene.spuff(['volume', 'mount']);
  expect(led).toMatchObject({ exitCode: 15, stderr: expect.stringContaining('by a link') });
  expect(existsSync('/srv/out')).toBe(false);
});

it("goes under spuff's home where no place is named, and its folder goes with it", async () => {
  await scene.home.ok(['volume', 'mount', 'shop', '--folder', '/etc'], { cwd: scene.folder });
  const place = join(scene.home.path, 'volumes', 'shop', 'etc');
  expect(readFileSync(join(place, 'hostname'), 'utf8')).toBe('shop\n');
  await scene.home.ok(['volume', 'unmount', place]);
  expect(existsSync(place)).toBe(false);
});

it('stays while it is used, unless it is told otherwise', async () => {
  const reader = execFileSync('sh', [
    '-c',
    'sleep 60 < "$1" >/dev/null 2>&1 & echo $!',
    'sh',
    join(mnt, 'new'),
  ]);
  try {
    const busy = await scene.spuff(['volume', 'unmount', 'shop']);
    expect(busy).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('--force') });
    await scene.home.ok(['volume', 'unmount', 'shop', '--force'], { cwd: scene.folder });
    expect(await shown(['ls'])).toEqual([]);
  } finally {
    process.kill(Number(reader));
  }
});

it('answers no command when its machine is gone, and keeps none of them waiting', async () => {
  scene.write({ volumes: [{ target: 'data', mount_point: 'mnt' }] });
  await scene.home.ok(['volume', 'mount'], { cwd: scene.folder });
  const { stdout } = await scene.home.ok(['ls', '--json']);
  const [instance] = (JSON.parse(stdout) as { instances: { vmId: string }[] }).instances;
  execFileSync('docker', ['pause', instance?.vmId ?? '']);
  try {
    expect(await shown(['ls'])).toMatchObject([{ state: 'mounted', mountPoint: mnt }]);
    expect(await shown(['status'])).toMatchObject([{ state: 'silent' }]);
  } finally {
    execFileSync('docker', ['unpause', instance?.vmId ?? '']);
  }
  await scene.home.ok(['volume', 'remount'], { cwd: scene.folder });
  expect(here('new')).toBe('of mine\n');
});

it('is taken away before its machine is destroyed', async () => {
  await scene.home.ok(['down', 'shop'], { cwd: scene.folder });
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(mnt);
  expect(await shown(['ls'])).toEqual([]);
  rmSync(mnt, { recursive: true });
});
