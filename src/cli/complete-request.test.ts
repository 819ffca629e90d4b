import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { quoteCommand } from '../lib/shell-quote.ts';
import { splitShellWords } from './complete-request.ts';

const given = () => ({
  state: new MemoryState([sampleInstance(), sampleInstance({ name: 'other' })]),
  provider: {
    catalog: async () => ({
      regions: [{ id: 'here', available: true }],
      sizes: [
        {
          id: 'small',
          vcpus: 1,
          memoryMiB: 1024,
          diskGiB: null,
          arch: 'x86_64' as const,
          gpu: false,
          hourly: null,
          regions: [],
        },
      ],
      images: [],
    }),
  },
});

/** The values offered for words, the last of which is the one at the cursor. */
async function offered(words: readonly string[]): Promise<string[]> {
  const { status, out } = await runLine(['__complete', 'words', ...words], given());
  expect(status).toBe(0);
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0] ?? '');
}

describe('completion', () => {
  it.each([
    [['s'], ['setup', 'status', 'ssh', 'sync', 'sizes', 'schema', 'snapshot']],
    [
      ['--quiet', 'l'],
      ['ls', 'logs', 'log'],
    ],
    [['agent', 'ex'], ['exec-log']],
    [
      ['snapshot', ''],
      ['create', 'list', 'delete', 'prune'],
    ],
    [
      ['ssh', ''],
      ['demo', 'other'],
    ],
    [['ssh', 'o'], ['other']],
    [['ssh', 'demo', ''], []],
    [['down', 'demo', ''], ['other']],
    [
      ['down', '--snapshot', ''],
      ['demo', 'other'],
    ],
    [['up', '--size', ''], ['small']],
    [['up', '--size=s'], ['--size=small']],
    [
      ['up', 'x', '--no'],
      ['--no-setup', '--no-prebuild', '--no-connect', '--no-color', '--no-input'],
    ],
    [['ls', '--re'], ['--refresh']],
    [['ls', '--refresh', '--re'], []],
    [['ls', '--js'], ['--json']],
    [
      ['agent', 'processes', '--sort', ''],
      ['cpu', 'memory'],
    ],
    [['agent', 'processes', 'demo', '-n', ''], []],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['exec', 'demo', '--', 'l'], []],
    [
      ['cp', 'd'],
      ['demo:', ':files'],
    ],
    [['log', ''], ['verify']],
    [['nonsense', ''], []],
    [['config', 'set', 'size', ''], ['small']],
    [['config', 'set', 'region', ''], ['here']],
    [['up', 'x', '--provider', ''], ['fake']],
    [['nonsense', 'x', ''], []],
  ])('of %j', async (words, values) => {
    expect(await offered(words)).toEqual(values);
  });

  it('replaces what bash takes for the word', async () => {
    const line = 'spuff up --size=s';
    const size = await runLine(['__complete', 'line', line, String(line.length), 's'], given());
    expect(size.out.split('\t')[0]).toBe('small');
    const cursorInside = await runLine(['__complete', 'line', 'spuff ssh o demo', '11', 'o'], given());
    expect(cursorInside.out.split('\t')[0]).toBe('other');
  });

  it('offers nothing, and says nothing, when something is wrong', async () => {
    const services = {
      createContext: () => {
        throw new TypeError('broken');
      },
    };
    expect(await runLine(['__complete', 'words', ''], { services })).toEqual({
      status: 1,
      out: '',
      err: '',
      bugs: [],
    });
    const state = () => Promise.reject(new TypeError('broken'));
    expect(await runLine(['__complete', 'words', 'ssh', ''], { state: state as never })).toMatchObject({
      out: '',
      err: '',
    });
  });
});

describe('splitShellWords', () => {
  it.each([
    ['spuff ', ['spuff', '']],
    ['spuff  ssh de', ['spuff', 'ssh', 'de']],
    [`spuff cp 'a b' "c d"/e\\ f`, ['spuff', 'cp', 'a b', 'c d/e f']],
    ['spuff up $(touch x) `id`', ['spuff', 'up', '$(touch', 'x)', '`id`']],
    ["spuff cp 'open", ['spuff', 'cp', 'open']],
  ])('splits %j', (line, words) => {
    expect(splitShellWords(line)).toEqual(words);
  });

  it('reads back what was quoted', () => {
    const words = fc.array(
      fc.string().filter((word) => !word.includes('\0')),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(words, (all) => {
        expect(splitShellWords(quoteCommand(all))).toEqual(all);
      }),
    );
  });
});
