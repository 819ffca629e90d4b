import { describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Ssh } from '../../domain/ssh.ts';

type Session = Parameters<Ssh['openSession']>;

function sessions(status: number | SpuffError = 0): FakeRun & { calls: Session[] } {
  const calls: Session[] = [];
  const openSession: Ssh['openSession'] = async (...session) => {
    calls.push(session);
    if (status instanceof SpuffError) throw status;
    return status;
  };
  return { calls, ssh: { openSession }, state: new MemoryState([sampleInstance()]) };
}

describe('spuff exec', () => {
  it.each([
    [
      ['exec', 'demo', '--', 'ls', '-la'],
      ['ls', '-la'],
    ],
    [['exec', '--', 'ls'], ['ls']],
    [
      ['exec', 'demo', '--', 'a b', '', '$HOME', "it's", 'new\nline', '--', '--help'],
      ['a b', '', '$HOME', "it's", 'new\nline', '--', '--help'],
    ],
    [
      ['--quiet', 'exec', '--', 'demo', '--quiet'],
      ['demo', '--quiet'],
    ],
    [['exec', '--', '--version'], ['--version']],
  ])('takes %j as it stands', async (argv, command) => {
    const run = sessions();
    expect(await runLine(argv, run)).toMatchObject({ status: 0, out: '', err: '' });
    expect(run.calls[0]?.[0]).toMatchObject({ name: 'demo', host: '127.0.0.1', port: 2201, user: 'dev' });
    expect(run.calls[0]?.[1]).toEqual(command);
    expect(run.calls[0]?.[2]).toMatchObject({ tty: false, forwardAgent: false, shared: true });
  });

  it('allocates a terminal with -t only', async () => {
    const run = sessions();
    await runLine(['exec', '-t', '--', 'htop'], run);
    expect(run.calls[0]?.[2]).toMatchObject({ tty: true });
  });

  it.each([0, 1, 2, 7, 130, 137, 255])('ends with the status of the command: %d', async (status) => {
    expect(await runLine(['exec', '--', 'x'], sessions(status))).toMatchObject({ status, err: '' });
  });

  it('ends with 255 when the connection failed, and with the status of any other error', async () => {
    const lost = sessions(new SpuffError('connection', "can't reach demo", { hints: ['spuff status demo'] }));
    expect(await runLine(['exec', '--', 'x'], lost)).toMatchObject({
      status: 255,
      err: "error: can't reach demo\nhint: spuff status demo\n",
    });
    const foreign = sessions(new SpuffError('host-identity', 'not the machine we meant'));
    expect(await runLine(['exec', '--', 'x'], foreign)).toMatchObject({ status: 9 });
  });

  it('refuses what no program can be given, and an instance that is not ready', async () => {
    expect(await runLine(['exec', '--', 'a\0b'], sessions())).toMatchObject({ status: 2 });
    const state = new MemoryState([sampleInstance({ phase: 'creating' })]);
    const { status, err } = await runLine(['exec', '--', 'x'], { ...sessions(), state });
    expect(status).toBe(5);
    expect(err).toContain('go on making it: spuff up demo');
  });
});

describe('spuff ssh', () => {
  it('opens a login shell, and says afterwards what is left', async () => {
    const run = sessions(3);
    const { status, err } = await runLine(['ssh'], run);
    expect(status).toBe(3);
    expect(run.calls[0]?.[1]).toBeNull();
    expect(run.calls[0]?.[2]).toMatchObject({ tty: 'auto', forwardAgent: false, shared: true, sshArgs: [] });
    expect(err).toBe('demo keeps running for 22h. Come back: spuff ssh demo   Destroy it: spuff down demo\n');
  });

  it('passes options on over a connection of its own', async () => {
    const run = sessions();
    await runLine(['ssh', 'demo', '--', '-L', '1:localhost:2', 'top', '-b'], run);
    expect(run.calls[0]?.[1]).toEqual(['top', '-b']);
    expect(run.calls[0]?.[2]).toMatchObject({ shared: false, sshArgs: ['-L', '1:localhost:2'] });
  });

  it('lends the agent only where the settings say so, and never over a shared connection', async () => {
    const run = { ...sessions(), settings: { forwardAgent: 'raw' as const } };
    await runLine(['ssh'], run);
    expect(run.calls[0]?.[2]).toMatchObject({ forwardAgent: 'raw', shared: false });
  });

  it('does not claim that a machine runs when the connection is lost', async () => {
    const { status, err } = await runLine(['ssh'], sessions(new SpuffError('connection', 'lost')));
    expect(status).toBe(255);
    expect(err).toBe(
      'error: lost\ndemo is not destroyed. Come back: spuff ssh demo   Destroy it: spuff down demo\n',
    );
  });

  it('refuses options that would weaken it, before anything is dialled', async () => {
    const run = sessions();
    expect(await runLine(['ssh', '--', '-o', 'StrictHostKeyChecking=no'], run)).toMatchObject({ status: 2 });
    expect(run.calls).toEqual([]);
  });
});

describe('which instance is meant', () => {
  const state = new MemoryState([
    sampleInstance({ name: 'web', directory: '/projects/web' }),
    sampleInstance({ name: 'db', directory: '/projects/db' }),
  ]);

  it.each([
    ['/projects/web', 'web'],
    ['/projects/web/src/deep', 'web'],
    ['/projects/db', 'db'],
  ])('in %s it is %s', async (directory, name) => {
    const run = sessions();
    await runLine(['exec', '--', 'x'], { ...run, state, directory });
    expect(run.calls[0]?.[0].name).toBe(name);
  });

  it('is an error that lists them where it is not clear', async () => {
    const { status, err } = await runLine(['exec', '--', 'x'], {
      ...sessions(),
      state,
      directory: '/projects',
    });
    expect(status).toBe(2);
    expect(err).toContain('web, db');
  });
});
