import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSignalCommand, nothingSignalled, wrapCommand } from './remote-command.ts';

const shells = ['/bin/sh', '/bin/dash', '/bin/bash', '/bin/zsh', '/bin/ksh', '/usr/bin/fish'].filter((path) =>
  existsSync(path),
);

let folder = '';
let marks = 0;
const nextMark = () => `spuff-test-${process.pid}-${marks++}`;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-remote-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As sshd does it: the login shell with -c. */
function runAsLogin(argv: readonly string[], shell = '/bin/sh', input = '') {
  return spawnSync(shell, ['-c', wrapCommand(argv, nextMark())], { input, encoding: 'utf8' });
}

describe('wrapCommand', () => {
  it.each(shells)('gives arguments, input, output and status through %s', (shell) => {
    const argv = [
      'sh',
      '-c',
      'cat; printf "<%s>" "$@" >&2; exit 41',
      'x',
      ' a ',
      "it's",
      '$HOME',
      '"',
      '\\',
      '',
      'ü\n',
      '-n',
      '*',
    ];
    const result = runAsLogin(argv, shell, 'input');
    expect(result.stdout).toBe('input');
    expect(result.stderr).toBe(`<${argv.slice(4).join('><')}>`);
    expect(result.status).toBe(41);
  });

  it('gives any arguments unchanged', () => {
    const print = ['sh', '-c', 'for a; do printf "%s\\0" "$a"; done', 'x'];
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
          { maxLength: 5 },
        ),
        (args) => {
          const text = args.map((arg) => arg.toWellFormed());
          const result = runAsLogin([...print, ...text]);
          expect(result.stdout).toBe(text.map((arg) => `${arg}\0`).join(''));
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['SIGKILL', 137],
    ['SIGTERM', 143],
    ['SIGSEGV', 139],
    ['SIGINT', 130],
  ])('gives %s as %i, and adds nothing to standard error', (signal, status) => {
    const result = runAsLogin(['sh', '-c', `kill -s ${signal.slice(3)} $$`]);
    expect(result.status).toBe(status);
    expect(result.stderr).toBe('');
  });

  it.each([0, 1, 126, 127, 128, 254, 255])('gives the status %i', (status) => {
    expect(runAsLogin(['sh', '-c', `exit ${status}`]).status).toBe(status);
  });

  it('runs programs, not builtins, and says which one is missing', () => {
    const missing = runAsLogin(['no-such-program', 'a']);
    expect(missing.status).toBe(127);
    expect(missing.stderr).toContain('no-such-program');
    expect(runAsLogin(['exit', '3']).status).toBe(127);
    expect(runAsLogin(['trap', '', 'TERM']).status).toBe(127);
    expect(runAsLogin(['A=1']).status).toBe(127);
  });

  it.each([[[]], [['']], [['-c', 'x']], [['echo', 'a\0b']]])('refuses %j', (argv) => {
    expect(() => wrapCommand(argv, 'm')).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

/** A session as sshd starts it: the leader of a group of its own. */
function startSession(argv: readonly string[], mark: string): ChildProcess {
  return spawn('/bin/bash', ['-c', wrapCommand(argv, mark)], { detached: true, stdio: 'ignore' });
}

/** A zombie has ended: where nobody takes it in, its entry stays. */
function isRunning(pid: string): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

async function waitFor(path: string): Promise<void> {
  while (!existsSync(path)) await delay(5);
}

const runSignal = (mark: string, signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL') => {
  const [program = '', ...args] = buildSignalCommand(mark, signal);
  return spawnSync(program, args, { encoding: 'utf8' });
};

describe('buildSignalCommand', () => {
  it('reaches the whole group, and the status is that of the program', async () => {
    const mark = nextMark();
    const child = join(folder, 'child');
    const session = startSession(
      ['sh', '-c', `sleep 100 & echo $! > ${child}.tmp; mv ${child}.tmp ${child}; wait; exit 9`],
      mark,
    );
    await waitFor(child);
    expect(runSignal(mark, 'SIGTERM').status).toBe(0);
    const [status] = await once(session, 'exit');
    expect(status).toBe(143);
    expect(isRunning(readFileSync(child, 'utf8').trim())).toBe(false);
  });

  it('lets a program end in its own way', async () => {
    const mark = nextMark();
    const ready = join(folder, 'ready');
    const session = startSession(
      ['sh', '-c', `trap 'exit 3' INT; : > ${ready}; while :; do sleep 0.01; done`],
      mark,
    );
    await waitFor(ready);
    runSignal(mark, 'SIGINT');
    expect((await once(session, 'exit'))[0]).toBe(3);
  });

  it('ends what ignores every other signal', async () => {
    const mark = nextMark();
    const ready = join(folder, 'stubborn');
    const session = startSession(
      ['sh', '-c', `trap '' INT TERM HUP; : > ${ready}; while :; do sleep 0.01; done`],
      mark,
    );
    await waitFor(ready);
    runSignal(mark, 'SIGTERM');
    expect(session.exitCode).toBeNull();
    runSignal(mark, 'SIGKILL');
    expect((await once(session, 'exit'))[1]).toBe('SIGKILL');
  });

  it('touches no other session, and finds nothing to do after the end', async () => {
    const [mark, other] = [nextMark(), nextMark()];
    const sessions = [startSession(['sleep', '100'], mark), startSession(['sleep', '100'], other)];
    const [first, second] = sessions as [ChildProcess, ChildProcess];
    // The mark shows once the login shell has become the wrapper.
    while (!readFileSync(`/proc/${first.pid}/cmdline`, 'utf8').includes(`\0${mark}\0`)) await delay(5);
    runSignal(mark, 'SIGKILL');
    await once(first, 'exit');
    expect(second.exitCode).toBeNull();
    expect(second.signalCode).toBeNull();
    expect(runSignal(mark, 'SIGKILL')).toMatchObject({ status: nothingSignalled, stdout: '', stderr: '' });
    runSignal(other, 'SIGKILL');
    await once(second, 'exit');
  });
});
