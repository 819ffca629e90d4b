import { describe, expect, it } from 'vitest';
import { runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';
import { parseCopyPath } from './copy-files.ts';

describe('paths to copy', () => {
  it.each([
    ['demo:notes.txt', { machine: 'demo', path: 'notes.txt' }],
    ['demo:', { machine: 'demo', path: '' }],
    [':/etc/hosts', { machine: '', path: '/etc/hosts' }],
    ['demo:a:b', { machine: 'demo', path: 'a:b' }],
    ['notes.txt', { machine: null, path: 'notes.txt' }],
    ['./a:b', { machine: null, path: './a:b' }],
    ['/tmp/a:b', { machine: null, path: '/tmp/a:b' }],
    ['-rf', { machine: null, path: '-rf' }],
    ["it's $HOME\n", { machine: null, path: "it's $HOME\n" }],
  ])('reads %j', (text, path) => {
    expect(parseCopyPath(text)).toEqual(path);
  });

  it.each(['', 'a\0b', 'Not A Name:x', 'user@host:x', '-o:x'])('refuses %j', (text) => {
    expect(() => parseCopyPath(text)).toThrow();
  });
});

describe('spuff cp', () => {
  const state = () => new MemoryState([sampleInstance(), sampleInstance({ name: 'other' })]);

  it('tells files here from paths on the machine', async () => {
    const calls: unknown[] = [];
    const ssh = {
      copy: async (_target: unknown, paths: unknown) => {
        calls.push(paths);
        return 0;
      },
    };
    await runLine(['cp', '-r', '--', '-rf', './a:b', '../c', 'demo:in/'], { ssh, state: state() });
    await runLine(['cp', 'demo:$(id)', '.'], { ssh, state: state() });
    expect(calls).toEqual([
      { from: ['-rf', './a:b', '../c'], to: ':in/' },
      { from: [':$(id)'], to: '.' },
    ]);
  });

  it('gives the exit status of scp', async () => {
    expect(
      await runLine(['cp', 'a', 'demo:'], { ssh: { copy: async () => 1 }, state: state() }),
    ).toMatchObject({
      status: 1,
    });
  });

  it('ends as exec and ssh do when no connection can be made: with the error, and 255', async () => {
    const failing = (error: SpuffError) => ({
      ssh: { copy: () => Promise.reject(error) },
      state: state(),
    });
    const lost = failing(new SpuffError('connection', "can't reach demo"));
    expect(await runLine(['cp', 'a', 'demo:'], lost)).toMatchObject({
      status: 255,
      err: "error: can't reach demo\n",
    });
    const foreign = failing(new SpuffError('host-identity', 'not the machine we meant'));
    expect(await runLine(['cp', 'a', 'demo:'], foreign)).toMatchObject({ status: 9 });
  });

  it.each([
    [['cp', 'a', 'b']],
    [['cp', 'demo:a', 'other:b']],
    [['cp', 'demo:a', 'demo:b']],
    [['cp', 'demo:a', 'b', 'other:c']],
    [['cp', 'demo:a', 'other:b', 'c']],
    [['cp', 'demo:a']],
  ])('refuses %j', async (argv) => {
    expect(await runLine(argv, { state: state() })).toMatchObject({ status: 2, out: '' });
  });
});
