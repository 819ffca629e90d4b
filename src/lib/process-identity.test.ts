import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { loadProcessTable, makePsTable, procTable } from './process-identity.ts';

const psTable = makePsTable((argv, env) => {
  const result = spawnSync(argv[0] ?? '', argv.slice(1), {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return result.status === 0 ? result.stdout : null;
});

// The table of `ps` is the one for macOS; `ps` of Linux takes the same arguments.
describe.each([
  ['procTable', procTable],
  ['psTable', psTable],
] as const)('%s', (_name, table) => {
  it('knows its own process as alive', () => {
    const self = table.self();
    expect(self).toMatchObject({ host: hostname(), pid: process.pid });
    expect(self.startedAt).not.toBe('unknown');
    expect(table.liveness(self)).toBe('alive');
    expect(table.self()).toEqual(self);
  });

  it('knows a process that has ended as dead, also while nobody has waited for it', async () => {
    // The child ends when its input does. By then the shell has become a program that never waits for it.
    const shell = spawn('sh', ['-c', 'exec 3<&0; cat <&3 & echo $!; exec sleep 60'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    try {
      const [line] = (await once(shell.stdout, 'data')) as [Buffer];
      const zombie = Number(line.toString().trim());
      await showsPs(shell.pid ?? 0, 'comm', 'sleep');
      shell.stdin.end();
      await showsPs(zombie, 'stat', 'Z');
      expect(table.liveness({ ...table.self(), pid: zombie })).toBe('dead');
    } finally {
      shell.kill('SIGKILL');
      await once(shell, 'close');
    }
    expect(table.liveness({ ...table.self(), pid: shell.pid ?? 0 })).toBe('dead');
  });

  it('does not take a later process of the same number for it', () => {
    expect(table.liveness({ ...table.self(), startedAt: '1' })).toBe('dead');
  });

  it('does not judge processes of other hosts', () => {
    const self = table.self();
    expect(table.liveness({ ...self, host: 'elsewhere', bootId: 'another/pid:[1]' })).toBe('unknown');
  });

  it('names a process for a message', () => {
    expect(table.describe(process.pid)).toMatch(/\w/);
    expect(table.describe(2 ** 30)).toBeNull();
  });
});

/** Comes back when what ps tells of a process begins with a text. */
async function showsPs(pid: number, field: string, text: string): Promise<void> {
  const tell = () => execFileSync('ps', ['-o', `${field}=`, '-p', String(pid)], { encoding: 'utf8' });
  while (!tell().startsWith(text)) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('procTable alone', () => {
  it('knows that nothing is alive from before a boot', () => {
    expect(procTable.liveness({ ...procTable.self(), bootId: 'earlier/pid:[4026531836]' })).toBe('dead');
  });

  it('does not judge processes of another PID namespace of the same boot', () => {
    const self = procTable.self();
    const [boot] = self.bootId.split('/');
    expect(procTable.liveness({ ...self, bootId: `${boot}/pid:[1]` })).toBe('unknown');
  });

  it('keeps knowing its own after the host was renamed', () => {
    expect(procTable.liveness({ ...procTable.self(), host: 'old-name' })).toBe('alive');
  });
});

it('loads the table of this platform', async () => {
  const table = await loadProcessTable();
  expect(table.liveness(table.self())).toBe('alive');
});
