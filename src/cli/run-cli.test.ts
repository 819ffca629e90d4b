import { describe, expect, it } from 'vitest';
import { runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';

describe('the command line', () => {
  it('shows the help without arguments, on standard output', async () => {
    const { status, out, err } = await runLine([]);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain('Usage: spuff [options] [command]');
    expect(out).toContain('list the instances');
  });

  it.each([
    ['ls', '--help'],
    ['help', 'ls'],
    ['ls', '-h'],
    ['--help', 'ls'],
  ])('shows the help of a command: %s %s', async (...argv) => {
    const { status, out } = await runLine(argv);
    expect(status).toBe(0);
    expect(out).toContain('Usage: spuff ls [options]');
    expect(out).toContain('spuff ls --refresh');
  });

  it('shows what a family of commands has', async () => {
    const { status, out } = await runLine(['agent']);
    expect(status).toBe(0);
    expect(out).toContain('exec-log');
    expect(out).not.toContain('list the base images');
  });

  it.each([['--version'], ['-V'], ['version']])('prints the version alone: %s', async (argument) => {
    expect(await runLine([argument])).toMatchObject({ status: 0, out: '1.2.3\n', err: '' });
  });

  it.each([
    [['lst'], 'unknown command'],
    [['ls', '--refesh'], 'Did you mean --refresh?'],
    [['agent', 'metrix'], 'Did you mean metrics?'],
    [['--bogus'], "unknown option '--bogus'"],
    [['ls', 'extra'], 'too many arguments'],
    [['agent', 'processes', '--sort', 'size'], 'cpu, memory'],
    [['logs', '-n', 'many'], 'whole number from 1 to 5000'],
    [['up', 'demo', '--ttl', '5 hours'], 'write a number with s, m, h or d'],
    [['exec', 'demo', 'ls'], 'for example: spuff exec demo -- uname -a'],
    [['exec', 'demo', '--'], 'takes CMD... after --'],
    [['exec', 'demo', 'ls', '-la'], 'takes CMD... after --'],
    [['exec', 'one', 'two', '--', 'ls'], 'too many arguments'],
    [['exec', '--bogus', '--', 'ls'], "unknown option '--bogus'"],
  ])('refuses %j and says what is meant', async (argv, text) => {
    const { status, out, err } = await runLine(argv);
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/^error: /);
    expect(err).toContain(text);
  });

  it('prints errors as JSON where the answer would be JSON', async () => {
    const { status, out, err } = await runLine(['status', 'nobody', '--json']);
    expect(out).toBe('');
    expect(JSON.parse(err)).toEqual({
      version: 1,
      error: {
        code: 'not-found',
        message: 'there is no instance named "nobody"',
        hints: ['make it: spuff up nobody'],
        exitStatus: 4,
        retryHelps: false,
      },
    });
    expect(status).toBe(4);
  });

  it('prints no token of a bug that tells of one, and none of what is underneath', async () => {
    const token = `dop_v1_${'0123456789abcdef'.repeat(4)}`;
    const bug = new TypeError(`sent Bearer ${token}`, { cause: new Error(`with ${token}`) });
    const createContext = () => {
      throw bug;
    };
    for (const flag of ['--verbose', '--json']) {
      const { err } = await runLine(['ls', flag], { services: { createContext } });
      expect(err).toContain('sent Bearer [redacted]');
      expect(err).not.toContain(token);
    }
    const { err } = await runLine(['ls', '--verbose'], { services: { createContext } });
    expect(err).toContain('cause: with [redacted]');
  });

  it('takes everything else for a bug, and says where the report is', async () => {
    const bug = new TypeError('x is not a function');
    const { status, err, bugs } = await runLine(['ls'], {
      services: {
        createContext: () => {
          throw bug;
        },
      },
    });
    expect(status).toBe(70);
    expect(bugs).toEqual([bug]);
    expect(err).toContain('error: a bug in spuff: x is not a function');
    expect(err).toContain('hint: what is known about it is in /home/someone/.spuff/reports/a.txt');
  });

  it('calls an abort by Ctrl-C interrupted, not a bug', async () => {
    const stop = new AbortController();
    const ssh = {
      openSession: async () => {
        stop.abort();
        stop.signal.throwIfAborted();
        return 0;
      },
    };
    const state = new MemoryState([sampleInstance()]);
    const outcome = await runLine(['exec', 'demo', '--', 'true'], { ssh, state, signal: stop.signal });
    expect(outcome).toMatchObject({ status: 130, bugs: [] });
  });

  it('escapes what an error says, and colours only a terminal', async () => {
    const ssh = {
      openSession: () =>
        Promise.reject(new SpuffError('agent', 'evil \x1b[31m text\u202e', { hints: ['a\x07b'] })),
    };
    const state = new MemoryState([sampleInstance()]);
    const piped = await runLine(['ssh', 'demo'], { ssh, state });
    expect(piped.err).toBe('error: evil \\x1b[31m text\\u202e\nhint: a\\x07b\n');
    const shown = await runLine(['ssh', 'demo'], { ssh, state, terminals: { err: true } });
    expect(shown.err).toContain('\x1b[31merror:\x1b[39m evil \\x1b[31m');
    for (const [argv, env] of [
      [['--no-color', 'ssh', 'demo'], {}],
      [['ssh', 'demo'], { NO_COLOR: '1' }],
    ] as const) {
      const plain = await runLine(argv, { ssh, state, env, terminals: { err: true } });
      expect(plain.err).toBe(piped.err);
    }
  });

  it('shows the causes of an error with --verbose', async () => {
    const cause = new Error('connect ECONNREFUSED');
    const ssh = { openSession: () => Promise.reject(new SpuffError('agent', 'no answer', { cause })) };
    const { err } = await runLine(['-v', 'ssh', 'demo'], { ssh, state: new MemoryState([sampleInstance()]) });
    expect(err).toContain('cause: connect ECONNREFUSED');
  });
});
