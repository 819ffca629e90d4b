/**
 * A project with a devcontainer.json and nothing of spuff's: docker comes from Debian, the reference command line from its
 * registry, and a real container is brought up by it on the machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importToolsImage, runDockerInMachine } from '../machine/docker-in-machine.ts';
import type { RootOnMachine } from '../machine/search-machine.ts';
import { trustLocalAuthorities } from '../machine/trust-local-authorities.ts';
import { ProjectScene, partOf, type SetupReport } from './project-scene.ts';
import { rootOf } from './root-of-instance.ts';
import { spuffProgram } from './spuff-process.ts';

let scene: ProjectScene;
let machine: RootOnMachine;

const marker = 'echo "$(id -un) $(test -S /opt/spuff/agent.sock && echo inside || echo outside)"';

function write(more: object = {}): void {
  const file = {
    ...{ image: 'tools:test', remoteUser: 'worker', updateRemoteUserUID: false },
    ...{
      forwardPorts: [4321],
      portsAttributes: { '4400': { label: 'other' }, '4500': { onAutoForward: 'ignore' } },
    },
    postCreateCommand: 'ssh-add -L >/tmp/keys-at-create 2>&1 || true',
    initializeCommand: 'hostname >/tmp/initialized-on',
    ...more,
  };
  const text = `// What the container is.\n${JSON.stringify(file, null, 2).replace(/\n}$/, ',\n}')}\n`;
  writeFileSync(join(scene.folder, '.devcontainer', 'devcontainer.json'), text);
}

async function setUp(args: readonly string[] = []) {
  const result = await scene.spuff(['setup', 'shop', '--json', ...args]);
  const report = result.stdout === '' ? null : (JSON.parse(result.stdout) as { setup: SetupReport }).setup;
  return { ...result, report, part: report ? partOf(report, 'devcontainer') : undefined };
}

beforeAll(async () => {
  scene = new ProjectScene();
  mkdirSync(join(scene.folder, '.devcontainer'));
  writeFileSync(join(scene.folder, 'hello.txt'), 'from here\n');
  write();
  await scene.home.ok(['up', 'shop', '--no-connect', '--no-setup'], { cwd: scene.folder });
  machine = await rootOf(scene.home, 'shop');
  await trustLocalAuthorities((argv, stdin) => machine.ok(argv, stdin === undefined ? {} : { stdin }));
  await runDockerInMachine(machine.ok);
});
afterAll(() => scene.remove());

describe('a project with a devcontainer.json alone', () => {
  it('tells before it is set up that there is no container, and how to get on', async () => {
    const { exitCode, stderr } = await scene.spuff(['exec', 'shop', '--', 'true']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('there is no dev container on shop yet');
    const host = await scene.spuff(['exec', 'shop', '--host', '--', 'hostname']);
    expect(host).toMatchObject({ exitCode: 0, stdout: 'shop\n' });
  });

  it('keeps the machine where the container fails, and says why', async () => {
    const { exitCode, stderr, part } = await setUp();
    expect({ exitCode, state: part?.state }).toEqual({ exitCode: 17, state: 'failed' });
    expect(stderr).toContain('see why: spuff logs shop --devcontainer');
    const { stdout } = await scene.spuff(['logs', 'shop', '--devcontainer']);
    expect(stdout).toContain('tools:test');
  });

  it('is brought up, with its files in it', async () => {
    await importToolsImage(machine.ok);
    const { exitCode, stderr, part } = await setUp();
    expect({ exitCode, part }, stderr).toMatchObject({ exitCode: 0, part: { state: 'done' } });
    expect(part?.items).toMatchObject([
      { name: 'port 4321', state: 'done' },
      { name: 'port 4400', state: 'done' },
    ]);
    expect(await scene.onMachine('cat', 'hello.txt')).toBe('from here\n');
    // What devcontainer.json has run on the host has run on the machine, not here.
    const where = await scene.spuff(['exec', 'shop', '--host', '--', 'cat', '/tmp/initialized-on']);
    expect(where.stdout).toBe('shop\n');
  });
});

describe('what is run', () => {
  it('is in the container as its user, with exec and with ssh', async () => {
    expect(await scene.onMachine('sh', '-c', marker)).toBe('worker inside\n');
    expect((await scene.spuff(['ssh', 'shop', '--', 'sh', '-c', marker])).stdout).toBe('worker inside\n');
    const host = await scene.spuff(['ssh', 'shop', '--host', '--', 'sh', '-c', marker]);
    expect(host.stdout).toBe('dev outside\n');
  });

  it('is a terminal, where there is one here', async () => {
    const command = [...spuffProgram, 'ssh', 'shop'].map((word) => `'${word}'`).join(' ');
    const env = { SPUFF_BACKGROUND: 'off', SPUFF_HOME: scene.home.path, ...scene.user.env };
    const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, ...env } });
    const printed = child.stdout.setEncoding('utf8').toArray();
    child.stdin.write('id -un; tty; exit 4\n');
    const [status] = await once(child, 'exit');
    expect((await printed).join('')).toMatch(/worker\r\n\/dev\/pts\/\d+\r\n/);
    expect(status).toBe(4);
  });

  it('gets its arguments, its input and its variables as they are, and gives its status back', async () => {
    const { stdout } = await scene.spuff(['exec', 'shop', '--', 'printf', '<%s>', 'a b', '$HOME', '-x', '']);
    expect(stdout).toBe('<a b><$HOME><-x><>');
    expect((await scene.spuff(['exec', 'shop', '--', 'sh', '-c', 'exit 7'])).exitCode).toBe(7);
  });

  it('starts a container that was stopped', async () => {
    await machine.ok(['sh', '-c', 'docker stop --time 1 $(docker ps -q)']);
    const { stdout, stderr } = await scene.spuff(['exec', 'shop', '--', 'sh', '-c', marker]);
    expect({ stdout, stderr }).toMatchObject({
      stdout: 'worker inside\n',
      stderr: expect.stringContaining('starting the dev container'),
    });
  });
});

describe('what reaches in', () => {
  it('is the agent that a session lends, and it is gone with the session', async () => {
    const key = (await scene.spuff(['exec', 'shop', '--host', '-A', '--', 'ssh-add', '-L'])).stdout.trim();
    expect(key).toMatch(/^ssh-/);
    const inside = await scene.spuff(['exec', 'shop', '-A', '--', 'ssh-add', '-L']);
    expect(inside.stdout.trim(), inside.stderr).toBe(key);
    expect(await scene.onMachine('cat', '/tmp/keys-at-create')).toBe(`${key}\n`);
    const after = await scene.spuff(['exec', 'shop', '--', 'ssh-add', '-L']);
    expect(after).toMatchObject({ stdout: '' });
    expect(after.exitCode).not.toBe(0);
  });

  it.each(['127.0.0.1', '::1'])('is a port of its loopback %s, as the machine has it', async (address) => {
    // As servers in development do. It ends when it has been heard.
    const server = `import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.create_server((sys.argv[1], 4321), family=family)
c, _ = s.accept(); c.sendall(b'from the container'); c.close()`;
    const serve = 'docker exec -d "$(docker ps -q)" python3 -c "$1" "$2"; sleep 1';
    await machine.ok(['sh', '-c', serve, 'serve', server, address]);
    const read = `import socket
print(socket.create_connection(('127.0.0.1', 4321), 20).recv(100).decode())`;
    const stop = ['systemctl', 'stop', 'spuff-devcontainer-port-4321.service'];
    expect(await machine.ok(['python3', '-c', read])).toBe('from the container\n');
    await machine.ok(stop);
  });

  it('are variables of the project, from memory alone', async () => {
    const yaml = { version: '1', name: 'shop', devcontainer: true, env: { SHOP_WORD: 'canary-in-there' } };
    writeFileSync(join(scene.folder, 'spuff.yaml'), JSON.stringify(yaml));
    const { exitCode, part } = await setUp();
    // Nothing of the container itself has changed.
    expect({ exitCode, state: part?.state }).toEqual({ exitCode: 0, state: 'done' });
    expect(await scene.onMachine('printenv', 'SHOP_WORD')).toBe('canary-in-there\n');
    const onDisk = await machine.ok([
      'sh',
      '-c',
      'grep -rl canary-in-there /usr/lib/spuff /etc /var/lib/spuff || true',
    ]);
    expect(onDisk).toBe('');
    rmSync(join(scene.folder, 'spuff.yaml'));
  });
});

it('is built anew when its file changes, and forgets ports that are none any more', async () => {
  const before = await machine.ok(['docker', 'ps', '-q']);
  write({ forwardPorts: [4321], portsAttributes: {} });
  expect(await setUp()).toMatchObject({ exitCode: 0 });
  expect(await machine.ok(['docker', 'ps', '-q'])).not.toBe(before);
  const units = await machine.ok(['sh', '-c', 'ls /etc/systemd/system | grep devcontainer-port']);
  expect(units.trim().split('\n')).toEqual([
    'spuff-devcontainer-port-4321.service',
    'spuff-devcontainer-port-4321.socket',
  ]);
});
