import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, onTestFinished } from 'vitest';
import { createCommandRunner, describeEnd, timedOutStatus } from './run-logged.ts';
import { openSetupLog } from './setup-log.ts';

const account = { name: 'dev', userId: 1000, groupId: 1000, home: '/', shell: '/bin/sh' };
const run = createCommandRunner(account, (line) => line.replaceAll('secret', '[redacted]'));
const inShell = (script: string, timeoutSeconds?: number) => ({
  ...{ argv: ['sh', '-c', script], asUser: false },
  ...(timeoutSeconds !== undefined && { timeoutSeconds }),
});

describe('a program of a setup', () => {
  it('has each line masked and escaped, those that redraw themselves too', async ({ expect }) => {
    const lines: string[] = [];
    const ended = await run(inShell(`printf 'a secret\\n10%%\\r20%%\\r\\nx\\033[2Jy'; exit 3`), (line) =>
      lines.push(line),
    );
    expect(lines).toEqual(['a [redacted]', '10%', '20%', 'x\\x1b[2Jy']);
    expect(ended).toMatchObject({ exitCode: 3, lastLines: lines });
    expect(describeEnd(ended)).toBe('10%; 20%; x\\x1b[2Jy (exit status 3)');
  });

  it('is not waited for longer because it has left something running', async ({ expect }) => {
    const ended = await run(inShell('sleep 60 & echo $!'), () => undefined);
    process.kill(Number(ended.stdout.trim()), 'SIGKILL');
    expect(ended.exitCode).toBe(0);
  });

  it('is ended when its time is over', async ({ expect }) => {
    const ended = await run(inShell('sleep 60', 1), () => undefined);
    expect(ended.exitCode).toBe(timedOutStatus);
    expect(describeEnd(ended)).toBe('it took longer than it may');
  });

  it('that is missing is an end like others', async ({ expect }) => {
    const ended = await run({ argv: ['no-such-program-of-spuff'], asUser: false }, () => undefined);
    expect(ended.exitCode).toBe(127);
  });

  it('gets an environment of its own', async ({ expect }) => {
    const ended = await run({ argv: ['env'], asUser: false, env: { MINE: 'x' } }, () => undefined);
    expect(ended.stdout).toContain('MINE=x\n');
    expect(ended.stdout).toContain('HOME=/root\n');
  });
});

describe('a log of a setup', () => {
  const makeFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), 'spuff-log-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return folder;
  };

  it('grows to its limit, twice, and no further', ({ expect }) => {
    const folder = makeFolder();
    const log = openSetupLog(folder, 'scripts/001.log');
    for (let line = 0; line < 5_000; line++) log.write(`${line} ${'x'.repeat(1_020)}`);
    log.close();
    const sizes = ['scripts/001.log', 'scripts/001.log.1'].map((name) => statSync(join(folder, name)).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(readFileSync(join(folder, 'scripts/001.log'), 'utf8')).toContain('4999 x');
  });

  it('follows no link', ({ expect }) => {
    const folder = makeFolder();
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'packages.log'));
    expect(() => openSetupLog(folder, 'packages.log')).toThrow('ELOOP');
  });
});
