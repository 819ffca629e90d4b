/** Sessions as the CLI opens them, against a real sshd: input, output, status and signals, in both directions. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionOptions, SshTarget } from '../../src/domain/ssh.ts';
import type { LoopbackMachine } from '../loopback/machine.ts';
import { SshScene } from '../loopback/scene.ts';

let scene: SshScene;
let machine: LoopbackMachine;
let target: SshTarget;
beforeAll(async () => {
  scene = new SshScene();
  ({ machine, target } = await scene.startPinned());
});
afterAll(() => scene.remove());

const program = join(import.meta.dirname, '../loopback/session-process.ts');
const shared: SessionOptions = { tty: false, shared: true, forwardAgent: false };
const own: SessionOptions = { tty: false, shared: false, forwardAgent: false };

function start(
  argv: readonly string[] | null,
  options: SessionOptions,
  prefix: readonly string[] = [],
): ChildProcess {
  const work = JSON.stringify({ home: scene.home, target, argv, options });
  const [command = process.execPath, ...args] = [...prefix, process.execPath, program, work];
  return spawn(command, args, { stdio: 'pipe' });
}

interface Ended {
  stdout: string;
  stderr: string;
  status: number | null;
}

async function finish(child: ChildProcess, input: string | null = ''): Promise<Ended> {
  if (input !== null) child.stdin?.end(input);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { stdout, stderr, status };
}

/** In a terminal of its own: `script` of util-linux gives it one. */
function startInTerminal(argv: readonly string[] | null, options: SessionOptions): ChildProcess {
  const work = join(scene.folder, 'work.json');
  writeFileSync(work, JSON.stringify({ home: scene.home, target, argv, options }));
  const command = `exec '${process.execPath}' '${program}' "$(cat '${work}')"`;
  return spawn('script', ['-qec', command, '/dev/null'], { stdio: 'pipe' });
}

const inHome = (name: string) => machine.path(`/home/dev/${name}`);
async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await delay(5);
}

describe.each([
  ['over the shared connection', shared],
  ['on a connection of its own', own],
])('a program %s', (_, options) => {
  it('gets its arguments and input, and gives its output and status', async () => {
    const argv = [
      'sh',
      '-c',
      'cat; printf "[%s]" "$@"; echo error >&2; exit 42',
      'x',
      'a b',
      "it's",
      '$HOME',
      '*',
      '',
    ];
    expect(await finish(start(argv, options), 'input\n')).toEqual({
      stdout: "input\n[a b][it's][$HOME][*][]",
      stderr: 'error\n',
      status: 42,
    });
  });

  it('passes a megabyte of any bytes in and out unchanged', async () => {
    const bytes = Buffer.alloc(1_000_003, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
    const child = start(['cat'], options);
    child.stdin?.end(bytes);
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    expect((await once(child, 'close'))[0]).toBe(0);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it.each([
    ['KILL', 137],
    ['TERM', 143],
    ['SEGV', 139],
  ])('killed by SIG%s gives %i', async (name, status) => {
    expect(await finish(start(['sh', '-c', `kill -${name} $$`], options))).toEqual({
      stdout: '',
      stderr: '',
      status,
    });
  });

  it.each([0, 1, 127, 254, 255])('keeps the status %i', async (status) => {
    expect(await finish(start(['sh', '-c', `exit ${status}`], options))).toEqual({
      stdout: '',
      stderr: '',
      status,
    });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s to spuff ends it on the machine, and its status is %i', async (name, status) => {
    const ready = `ready-${name}-${String(options.shared)}`;
    const child = start(['sh', '-c', `: > ${ready}; sleep 1000 | sleep 1000`], options);
    await appears(inHome(ready));
    child.kill(name);
    expect((await finish(child, null)).status).toBe(status);
    expect(machine.commands().filter((line) => line.includes('sleep'))).toEqual([]);
  });

  it('may end in its own way on a signal, and is heard to the end', async () => {
    const ready = `trap-${String(options.shared)}`;
    const script = `trap 'echo bye; exit 3' INT; : > ${ready}; while :; do sleep 0.02; done`;
    const child = start(['sh', '-c', script], options);
    await appears(inHome(ready));
    child.kill('SIGINT');
    expect(await finish(child, null)).toMatchObject({ stdout: 'bye\n', status: 3 });
  });
});

describe('signals', () => {
  it('a program that ignores them is killed by the third', async () => {
    const child = start(['sh', '-c', "trap '' INT TERM HUP; : > deaf; while :; do sleep 0.02; done"], shared);
    const ended = finish(child, null);
    await appears(inHome('deaf'));
    for (const _ of [1, 2, 3]) {
      child.kill('SIGINT');
      await delay(100);
    }
    expect((await ended).status).toBe(137);
    expect(machine.commands()).toEqual([]);
  });

  it.each(Array.from({ length: 12 }, (_, index) => index * 25))(
    'one that comes early, after %i ms, is not lost',
    async (ms) => {
      await scene.ssh.disconnect(target);
      const child = start(['sleep', '1000'], shared);
      const ended = finish(child, null);
      // The lock is taken when the signals are listened to, and the connection is only being opened.
      const directory = join(scene.home, 'run', target.key);
      while (!readdirSync(directory).some((name) => /^[lc]-/.test(name))) await delay(2);
      await delay(ms);
      child.kill('SIGTERM');
      expect((await ended).status).not.toBe(0);
      expect(machine.commands()).toEqual([]);
    },
  );

  it('a program that runs as root is reached as well', async () => {
    const child = start(['sudo', '-n', 'sh', '-c', ': > /home/dev/rooted; sleep 1000'], shared);
    await appears(inHome('rooted'));
    child.kill('SIGINT');
    expect((await finish(child, null)).status).toBe(130);
    expect(machine.commands()).toEqual([]);
  });

  it('run() that is stopped or too slow leaves nothing on the machine', async () => {
    const { ssh } = scene;
    await expect(ssh.run(target, ['sleep', '1000'], { timeoutMs: 400 })).rejects.toMatchObject({
      code: 'timeout',
    });
    const controller = new AbortController();
    const running = ssh.run(target, ['sh', '-c', ': > running; sleep 1000'], { signal: controller.signal });
    const stopped = expect(running).rejects.toMatchObject({ code: 'interrupted' });
    await appears(inHome('running'));
    controller.abort();
    await stopped;
    expect(machine.commands()).toEqual([]);
  });
});

describe('a terminal', () => {
  it.each([
    ['over the shared connection', shared],
    ['on a connection of its own', own],
  ])('is one on the machine too, and keeps the status: %s', async (_, options) => {
    const ended = await finish(
      startInTerminal(['sh', '-c', 'tty; exit 7'], { ...options, tty: 'auto' }),
      null,
    );
    expect(ended.stdout).toContain('/dev/pts/');
    expect(ended.status).toBe(7);
  });

  it('carries Ctrl-C to the program', async () => {
    const child = startInTerminal(
      ['sh', '-c', "trap 'exit 9' INT; : > tty-ready; while :; do sleep 0.02; done"],
      {
        ...shared,
        tty: true,
      },
    );
    await appears(inHome('tty-ready'));
    child.stdin?.write('\u0003');
    expect((await finish(child, null)).status).toBe(9);
    expect(machine.commands()).toEqual([]);
  });

  it('opens a login shell, whose status is kept', async () => {
    const child = startInTerminal(null, { ...own, tty: 'auto' });
    child.stdin?.write('echo shell-is-$((40 + 2)); exit 5\n');
    const ended = await finish(child, null);
    expect(ended.stdout).toContain('shell-is-42');
    expect(ended.status).toBe(5);
  });

  it('is not used for a pipe: a login shell reads commands from it', async () => {
    expect(await finish(start(null, { ...own, tty: 'auto' }), 'echo piped; exit 4\n')).toMatchObject({
      stdout: 'piped\n',
      status: 4,
    });
  });
});

describe('when the connection fails', () => {
  it.each([
    ['shared', shared],
    ['its own', own],
  ])('in the middle, it is an error and no status of the program: %s', async (name, options) => {
    const ready = `cut-${name.replace(' ', '-')}`;
    const child = start(['sh', '-c', `: > ${ready}; sleep 1000`], options);
    await appears(inHome(ready));
    machine.killSessions();
    const ended = await finish(child, null);
    expect(ended.status).toBe(10);
    expect(ended.stderr).toContain('"code":"connection"');
  });

  it('from the start, it says where nothing listens', async () => {
    await scene.ssh.disconnect(target);
    await machine.stop();
    const ended = await finish(start(['true'], shared));
    expect(ended.status).toBe(10);
    expect(ended.stderr).toContain(`nothing listens for SSH at 127.0.0.1:${machine.port}`);
    await machine.boot();
    expect((await finish(start(['true'], shared))).status).toBe(0);
  });
});
