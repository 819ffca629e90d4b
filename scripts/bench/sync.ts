import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plainSsh } from './exec.ts';
import { type Job, measureInTurn, runTimed } from './measure.ts';
import type { BenchSetup } from './setup.ts';
import { compare } from './start-up.ts';
import type { Row } from './table.ts';

const manyFiles = 10_000;
const largeBytes = 256 * 1024 * 1024;
const machine = 'tree';

/** `spuff sync` against rsync and scp, all over one shared connection each, to the same machine. */
export async function measureSync(setup: BenchSetup, rounds: number): Promise<Row[]> {
  const folder = join(setup.home, '..', machine);
  mkdirSync(folder);
  writeFileSync(join(folder, 'spuff.yaml'), `name: ${machine}\n`);
  await runTimed(['env', '-C', folder, ...setup.command, 'up', machine, '--no-connect'], setup.env);
  const ssh = plainSsh(setup, machine);
  const [host = ''] = ssh.slice(-1);
  const shared = [...ssh.slice(0, -1), '-o', `ControlPath=${join(setup.home, '..', 'tree.sock')}`];
  const wrapper = join(setup.home, '..', 'ssh-shared');
  writeFileSync(wrapper, `#!/bin/sh\nexec ssh ${shared.map((word) => `'${word}'`).join(' ')} "$@"\n`, {
    mode: 0o755,
  });
  await runTimed([wrapper, '-o', 'ControlMaster=yes', '-o', 'ControlPersist=10m', host, 'true']);
  const peers = { setup, folder, wrapper, host, rounds };
  try {
    writeMany(folder);
    const first = await measureFirst(peers, `${manyFiles} files`);
    const again = await measureAgain(peers);
    rmSync(join(folder, 'many'), { recursive: true });
    writeFileSync(join(folder, 'large'), randomBytes(largeBytes));
    return [...first, ...again, ...(await measureFirst(peers, 'a file of 256 MiB'))];
  } finally {
    await runTimed([wrapper, '-O', 'exit', host]);
    await setup.spuff(['down', machine, '--force']);
  }
}

interface Peers {
  setup: BenchSetup;
  folder: string;
  wrapper: string;
  host: string;
  rounds: number;
}

function writeMany(folder: string): void {
  for (let at = 0; at < manyFiles; at++) {
    const below = join(folder, 'many', String(at % 100));
    mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `${at}.txt`), randomBytes(1_000 + (at % 7) * 1_000));
  }
  execFileSync('git', ['init', '-q', folder]);
}

async function measureFirst(peers: Peers, what: string): Promise<Row[]> {
  const { folder, wrapper, host, rounds } = peers;
  const rsync = ['rsync', '-a', '-e', wrapper, '--exclude', '.git', `${folder}/`, `${host}:${machine}`];
  const scp = ['scp', '-S', wrapper, '-r', '-q', folder, `${host}:${machine}`];
  const [spuff, withRsync, withScp] = await measureInTurn(
    [
      anew(peers, `spuff sync, ${what}`, sync(peers)),
      anew(peers, 'rsync -a', rsync),
      anew(peers, 'scp -r', scp),
    ],
    rounds,
  );
  if (!spuff || !withRsync || !withScp) throw new Error('a job was not measured');
  return [compare(spuff, withRsync, null), compare(spuff, withScp, null)];
}

async function measureAgain(peers: Peers): Promise<Row[]> {
  const { setup, folder, wrapper, host, rounds } = peers;
  const rsync = ['rsync', '-a', '-e', wrapper, '--exclude', '.git', `${folder}/`, `${host}:${machine}`];
  await runTimed(sync(peers), setup.env);
  const [spuff, withRsync] = await measureInTurn(
    [
      {
        name: 'spuff sync, nothing changed',
        once: async () => (await runTimed(sync(peers), setup.env)).ms,
      },
      { name: 'rsync -a', once: async () => (await runTimed(rsync)).ms },
    ],
    rounds,
  );
  if (!spuff || !withRsync) throw new Error('a job was not measured');
  return [compare(spuff, withRsync, null)];
}

function sync({ setup }: Peers): string[] {
  return [...setup.command, 'sync', machine];
}

/** Onto a machine that has none of the files; taking them away is not measured. */
function anew({ setup, wrapper, host }: Peers, name: string, argv: readonly string[]): Job {
  const once = async () => {
    await runTimed([wrapper, host, 'rm', '-rf', machine]);
    rmSync(join(setup.home, 'sync'), { recursive: true, force: true });
    return (await runTimed(argv, setup.env)).ms;
  };
  return { name, once };
}
