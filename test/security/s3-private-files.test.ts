import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { homePaths } from '../../src/state/home.ts';
import { repairHome } from '../../src/state/repair-home.ts';

// S3: everything at home is private from its first byte, whatever the umask; another user reads nothing.

const writer = join(import.meta.dirname, '../fakes/home-writer.ts');

let base: string;
let home: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'spuff-s3-'));
  // As a home directory that others may enter, which many are.
  chmodSync(base, 0o755);
  home = join(base, 'spuff');
});
afterEach(async () => {
  if (child?.exitCode === null) {
    child.stdin?.end();
    await once(child, 'close');
  }
  child = undefined;
  rmSync(base, { recursive: true });
});

/** Runs until all is written, and then stays, with its files open. */
async function writeEverything(umask: string): Promise<void> {
  const { PATH } = process.env;
  child = spawn(process.execPath, [writer, umask], {
    env: { PATH, HOME: base, SPUFF_HOME: home },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close').then(() => {
    throw new Error('the writer ended before it had written everything');
  });
  if (child.stdout) await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => undefined);
}

function everythingUnder(directory: string): string[] {
  return [
    directory,
    ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name)),
  ];
}

function wide(directory: string): string[] {
  return everythingUnder(directory).filter((path) => (lstatSync(path).mode & 0o077) !== 0);
}

/** Runs a shell line as the user nobody, with real `su`. */
function asNobody(context: TestContext, line: string): { status: number | null; output: string } {
  if (process.getuid?.() !== 0) context.skip('becoming another user takes root');
  const { status, stdout, stderr } = spawnSync('su', ['-s', '/bin/sh', 'nobody', '-c', line], {
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

describe.each(['000', '022', '077'])('under umask %s', (umask) => {
  it('every directory is 0700 and every file 0600, with the state open and after', async () => {
    await writeEverything(umask);
    const names = everythingUnder(home).map((path) => path.slice(home.length));
    for (const name of [
      '/config.yaml',
      '/state.db',
      '/state.db-wal',
      '/state.db-shm',
      '/run/config.yaml.lock',
      '/log/spuff.log',
    ]) {
      expect(names).toContain(name);
    }
    for (const path of everythingUnder(home)) {
      const stat = lstatSync(path);
      const expected = stat.isDirectory() ? 0o700 : 0o600;
      expect([path, (stat.mode & 0o777).toString(8)]).toEqual([path, expected.toString(8)]);
    }
    child?.stdin?.end();
    if (child) await once(child, 'close');
    expect(wide(home)).toEqual([]);
  });
});

describe('every file is private from its first byte', () => {
  it('seen by the system calls that make it', (context) => {
    if (spawnSync('strace', ['-V']).status !== 0) context.skip('needs strace');
    const { PATH } = process.env;
    const calls = 'trace=open,openat,creat,mkdir,mkdirat,mknod,mknodat,link,linkat';
    const { stderr } = spawnSync('strace', ['-f', '-qq', '-e', calls, process.execPath, writer, '000'], {
      env: { PATH, HOME: base, SPUFF_HOME: home },
      input: '',
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const made = new Map<string, string>();
    for (const line of stderr.split('\n')) {
      // The last path is the new one; what exists already, SQLite opens with O_CREAT all the same.
      const path = [...line.matchAll(/"([^"]+)"/g)].at(-1)?.[1];
      if (!path?.startsWith(home) || made.has(path) || line.includes('= -1')) continue;
      if (/O_CREAT|mkdir|mknod|creat\(|link/.test(line)) made.set(path, line);
    }
    expect([...made.keys()]).toContain(join(home, 'state.db-wal'));
    const linked = [...made.values()].filter((line) => /link(?:at)?\(/.test(line));
    expect(linked).toHaveLength(1);
    expect([...made.values()].filter((line) => !linked.includes(line) && !/, 0[67]00\)/.test(line))).toEqual(
      [],
    );
  });
});

describe('another user of the same computer', () => {
  it('reads nothing, lists nothing and writes nothing, also while spuff runs', async (context) => {
    await writeEverything('000');
    expect(asNobody(context, `ls ${base}`)).toMatchObject({ status: 0, output: 'spuff\n' });
    for (const path of everythingUnder(home).filter((one) => one !== home)) {
      expect(asNobody(context, `cat '${path}'`).output).toMatch(/Permission denied/);
    }
    for (const line of [
      `ls ${home}`,
      `touch ${home}/x`,
      `rm -f ${home}/config.yaml`,
      `mv ${home} ${base}/y`,
    ]) {
      expect(asNobody(context, line).output).toMatch(/Permission denied/);
    }
  });

  it('sees nothing of it in the arguments, the environment or the memory of the process', async (context) => {
    await writeEverything('000');
    const pid = child?.pid;
    expect(asNobody(context, `tr '\\0' '\\n' </proc/${pid}/cmdline`).output).toContain('home-writer.ts');
    for (const name of ['environ', 'mem', 'fd/', 'maps']) {
      expect(asNobody(context, `cat /proc/${pid}/${name}`).output).toMatch(/Permission denied/);
    }
  });

  it('cannot connect to a socket in the home, wide as the socket itself may be', async (context) => {
    await writeEverything('000');
    const socket = join(homePaths(home).run, 'agent.sock');
    const server = createServer((connection) => connection.end('secret'));
    server.listen(socket);
    await once(server, 'listening');
    chmodSync(socket, 0o777);
    const connect = `const s = require('node:net').connect('${socket}'); s.on('error', (e) => console.log(e.code)); s.on('data', (d) => console.log(String(d)));`;
    if (process.getuid?.() !== 0) context.skip('becoming another user takes root');
    const other = spawn(process.execPath, ['-e', connect], { uid: 65_534, gid: 65_534, cwd: '/' });
    expect((await other.stdout.toArray()).join('')).toBe('EACCES\n');
    server.close();
    await once(server, 'close');
  });
});

describe('a home that was found open', () => {
  it('is closed by the next command that opens it, and its files by the repair', async () => {
    await writeEverything('000');
    for (const path of everythingUnder(home)) chmodSync(path, lstatSync(path).isDirectory() ? 0o777 : 0o666);
    child?.stdin?.end();
    if (child) await once(child, 'close');
    await writeEverything('022');
    expect(wide(home).filter((path) => /\/(?:config\.yaml|state\.db\S*|spuff\.log)$/.test(path))).toEqual([]);
    expect(wide(home).filter((path) => lstatSync(path).isDirectory())).toEqual([]);
    expect(repairHome(home).length).toBeGreaterThan(0);
    expect(wide(home)).toEqual([]);
  });

  it('is refused when it is someone else’s', async (context) => {
    if (process.getuid?.() !== 0) context.skip('making a directory of another user takes root');
    mkdirSync(home, { mode: 0o700 });
    spawnSync('chown', ['nobody', home]);
    const { PATH } = process.env;
    const result = spawnSync(process.execPath, [writer, '022'], {
      env: { PATH, HOME: base, SPUFF_HOME: home },
      input: '',
      encoding: 'utf8',
    });
    expect(result.stderr).toMatch(/belongs to another user/);
    expect(readdirSync(home)).toEqual([]);
  });
});
