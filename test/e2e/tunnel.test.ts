/** `spuff tunnel` as a user runs it, to one real machine. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jsonShapes } from '../../src/cli/json-shapes.ts';
import { runOnMachine } from '../machine/run-on-machine.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

let home: SpuffHome;
let key = '';
const vm = () => ({ name: `spuff-${key}` });
const children: ChildProcess[] = [];

beforeAll(async () => {
  home = makeSpuffHome();
  await home.ok(['init', '--yes']);
  key = await up('demo');
  await serve(3000);
  await serve(3001);
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGINT');
    await once(child, 'exit');
  }
  await home.spuff(['tunnel', 'demo', '--stop']);
});
afterAll(() => home.remove());

async function up(name: string): Promise<string> {
  const { stdout } = await home.ok(['up', name, '--no-connect', '--json']);
  return (JSON.parse(stdout) as { instances: { key: string }[] }).instances[0]?.key ?? '';
}

/** A web server on the machine that answers with its port; `name` is its process's. */
async function serve(port: number, host = '127.0.0.1', name = 'web'): Promise<void> {
  const program = `import ctypes, http.server, sys
ctypes.CDLL(None).prctl(15, bytes.fromhex(sys.argv[3]))
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("port %s" % sys.argv[1]).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
http.server.ThreadingHTTPServer((sys.argv[2], int(sys.argv[1])), H).serve_forever()
`;
  const unit = ['systemd-run', '--quiet', '--uid=dev', `--unit=web-${port}`];
  const args = [String(port), host, Buffer.from(name).toString('hex')];
  expect(await runOnMachine(vm(), [...unit, 'python3', '-c', program, ...args])).toMatchObject({
    exitCode: 0,
  });
}

/** Starts `spuff tunnel`, and collects what it says. */
function start(...args: string[]): { child: ChildProcess; said: () => string } {
  const child = home.start(['tunnel', ...args]);
  children.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  return { child, said: () => said };
}

async function get(port: number): Promise<string> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(5_000),
    });
    return await answer.text();
  } catch {
    return 'nothing';
  }
}

const patience = { timeout: 20_000, interval: 100 };
const answers = (port: number, remote: number) =>
  expect.poll(() => get(port), patience).toBe(`port ${remote}`);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function occupy(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}

/** The ssh processes of this home that carry a tunnel. */
function sshProcesses(): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return argv.startsWith('ssh\0') && argv.includes(home.path) && argv.includes('spuff-tunnel')
        ? [Number(pid)]
        : [];
    } catch {
      return [];
    }
  });
}

interface Shown {
  pid: number;
  state: string;
  instance: string;
  lastError: { code: string } | null;
  ports: { local: number; remote: number; isListening: boolean }[];
}

async function status(): Promise<Shown[]> {
  const { stdout } = await home.ok(['tunnel', '--status', '--json']);
  const value = JSON.parse(stdout) as { tunnels: Shown[] };
  expect(jsonShapes.tunnels.schema.safeParse(value)).toMatchObject({ success: true });
  return value.tunnels;
}

async function leavesNothing(): Promise<void> {
  await expect.poll(sshProcesses, patience).toEqual([]);
  expect(await status()).toEqual([]);
  const left = existsSync(join(home.path, 'run', key)) ? readdirSync(join(home.path, 'run', key)) : [];
  expect(left.filter((name) => /^(?:t|log)-/.test(name))).toEqual([]);
}

describe('spuff tunnel', () => {
  it('carries two ports, and Ctrl-C leaves nothing behind', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const { child, said } = start('demo', `${one}:3000`, `${two}:3001`);
    await answers(one, 3000);
    await answers(two, 3001);
    expect(said()).toContain(`localhost:${one} is port 3000 of demo\n`);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(said()).not.toContain('trying again');
    expect(await get(one)).toBe('nothing');
    await leavesNothing();
  });

  it('says who has the port, and takes another with --any-port', async () => {
    const { server, port } = await occupy();
    const refused = await home.spuff(['tunnel', 'demo', `${port}:3000`]);
    expect(refused).toMatchObject({ exitCode: 5, stdout: '' });
    expect(refused.stderr).toContain(`port ${port} of this computer is taken by`);
    expect(refused.stderr).toContain(`(process ${process.pid})`);
    const { said } = start('demo', `${port}:3000`, '--any-port');
    await expect.poll(said, patience).toMatch(/^localhost:\d+ is port 3000/m);
    const other = Number(/^localhost:(\d+) is/m.exec(said())?.[1]);
    expect(other).not.toBe(port);
    await answers(other, 3000);
    server.close();
  });

  it('reaches what comes to listen later, and says so', async () => {
    const port = await freePort();
    const { said } = start('demo', `${port}:3002`);
    await expect.poll(said, patience).toContain('where nothing listens yet');
    expect(await get(port)).toBe('nothing');
    await serve(3002);
    await answers(port, 3002);
    await expect.poll(said, patience).toContain('something listens on port 3002 of demo now');
  });

  it('notices what begins to listen, with a name that can do no harm, and nothing of root', async () => {
    const { said } = start('demo', `${await freePort()}:3000`);
    await expect.poll(said, patience).toContain('localhost:');
    await serve(3003, '0.0.0.0', '\u001b[2Jevil\u202e');
    await expect
      .poll(said, patience)
      .toContain('port 3003 (\\x1b[2Jevil\\u202e) listens on demo: forward it with spuff tunnel demo 3003');
    expect(said()).not.toContain('\u001b');
    expect(said()).toContain('port 3001 (web)');
    expect(said()).not.toMatch(/port (?:22|7575|3000) (?:\(|listens)/);
  });

  it('forwards them with --auto', async () => {
    const { said } = start('demo', '--auto');
    await expect.poll(said, patience).toMatch(/^localhost:(\d+) is port 3001 \(web\) of demo$/m);
    await answers(Number(/^localhost:(\d+) is port 3001/m.exec(said())?.[1]), 3001);
  });
});

describe('a connection that is lost', () => {
  it('is built again when ssh is killed', async () => {
    const port = await freePort();
    const { said } = start('demo', `${port}:3000`);
    await answers(port, 3000);
    const [ssh = 0] = sshProcesses();
    process.kill(ssh, 'SIGKILL');
    await expect.poll(said, patience).toContain('connected to demo again');
    await answers(port, 3000);
    expect(said()).toContain('ssh was stopped by SIGKILL; trying again until it is back');
    expect(await status()).toMatchObject([{ state: 'connected', lastError: { code: 'connection' } }]);
  });

  it('is built again when the network of the machine comes back', async () => {
    const port = await freePort();
    const { said } = start('demo', `${port}:3000`);
    await answers(port, 3000);
    await runOnMachine(vm(), ['ip', 'link', 'set', 'eth0', 'down']);
    await expect.poll(said, { timeout: 60_000, interval: 200 }).toContain('trying again');
    expect((await status())[0]?.state).toBe('reconnecting');
    await runOnMachine(vm(), ['ip', 'link', 'set', 'eth0', 'up']);
    await expect.poll(said, { timeout: 60_000, interval: 200 }).toContain('connected to demo again');
    await answers(port, 3000);
  });

  it('goes with the process that kept it, also when that is killed', async () => {
    const port = await freePort();
    const { child } = start('demo', `${port}:3000`);
    await answers(port, 3000);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(sshProcesses, patience).toEqual([]);
    const again = start('demo', `${port}:3000`);
    await answers(port, 3000);
    again.child.kill('SIGINT');
    await once(again.child, 'exit');
    await leavesNothing();
  });
});

describe('in the background', () => {
  it('is started once however often that is asked at a time, shown, and stopped', async () => {
    const port = await freePort();
    const line = ['tunnel', 'demo', `${port}:3000`, '--background', '--json'];
    const starts = await Promise.all([1, 2, 3].map(() => home.ok(line)));
    const pids = starts.map(({ stdout }) => (JSON.parse(stdout) as { tunnels: Shown[] }).tunnels[0]?.pid);
    expect(new Set(pids).size).toBe(1);
    expect(await get(port)).toBe('port 3000');
    expect(await status()).toMatchObject([
      { pid: pids[0], state: 'connected', ports: [{ local: port, isListening: true }] },
    ]);
    expect((await home.ok(['tunnel', '--status'])).stdout).toContain(`background ${pids[0]}`);
    const taken = await home.spuff(['tunnel', 'demo', `${port}:3001`]);
    expect(taken.stderr).toContain(`taken by a tunnel to demo (process ${pids[0]})`);
    expect((await home.ok(['tunnel', 'demo', '--stop'])).stderr).toContain('is ended');
    expect(await get(port)).toBe('nothing');
    await leavesNothing();
    expect(await home.spuff(['tunnel', 'demo', '--stop'])).toMatchObject({ exitCode: 4 });
  });

  it('holds no credential, and fails with the reason of its start', async () => {
    const port = await freePort();
    const env = { HCLOUD_TOKEN: 'x'.repeat(64) };
    await home.spuff(['tunnel', 'demo', `${port}:3000`, '-b'], { env });
    const [tunnel] = await status();
    expect(readFileSync(`/proc/${tunnel?.pid}/environ`, 'utf8')).not.toContain(env.HCLOUD_TOKEN);
    const { server, port: busy } = await occupy();
    const refused = await home.spuff(['tunnel', 'demo', `${busy}:3000`, '-b']);
    expect(refused).toMatchObject({ exitCode: 5 });
    expect(refused.stderr).toContain(`(process ${process.pid})`);
    server.close();
    expect(await status()).toHaveLength(1);
  });

  it('is not there any more after its process was killed, and its port is free', async () => {
    const port = await freePort();
    await home.ok(['tunnel', 'demo', `${port}:3000`, '-b']);
    const [tunnel] = await status();
    process.kill(tunnel?.pid ?? 0, 'SIGKILL');
    await expect.poll(status, patience).toEqual([]);
    await expect.poll(sshProcesses, patience).toEqual([]);
    await home.ok(['tunnel', 'demo', `${port}:3000`, '-b']);
    expect(await get(port)).toBe('port 3000');
  });

  it('ends with the instance, as one in the foreground does', async () => {
    await up('other');
    const [one, two] = [await freePort(), await freePort()];
    await home.ok(['tunnel', 'other', `${one}:3000`, '-b']);
    const { child, said } = start('other', `${two}:3000`);
    await expect.poll(said, patience).toContain('localhost:');
    const exited = once(child, 'exit');
    await home.ok(['down', 'other']);
    expect(await exited).toEqual([0, null]);
    expect(said()).toContain('other is destroyed, and the tunnel with it');
    expect(said()).not.toContain('trying again');
    await expect.poll(status, patience).toEqual([]);
    await expect.poll(sshProcesses, patience).toEqual([]);
  });
});
