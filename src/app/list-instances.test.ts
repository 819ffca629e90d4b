import { describe, expect, it } from 'vitest';
import { nowMs, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { ProviderError, type Vm } from '../domain/provider.ts';

describe('spuff ls', () => {
  it('says how to begin when there is nothing', async () => {
    expect(await runLine(['ls'])).toEqual({
      status: 0,
      out: '',
      err: 'no instances; make one: spuff up\n',
      bugs: [],
    });
    expect(JSON.parse((await runLine(['ls', '--json'])).out)).toEqual({ version: 1, instances: [] });
  });

  it('lists what is known, and when it was checked', async () => {
    const { out, err } = await runLine(['ls'], { state: new MemoryState([sampleInstance()]) });
    expect(err).toBe('');
    expect(out).toBe(
      'NAME  STATE    PROVIDER  REGION  SIZE   AGE  LEASE ENDS  CHECKED\n' +
        'demo  running  fake      here    small  2h   in 22h      1h 59m ago\n',
    );
  });

  it('shows interrupted work with the remedy, and work that goes on without one', async () => {
    const creating = sampleInstance({ name: 'half', phase: 'creating' });
    const state = new MemoryState([creating, sampleInstance({ name: 'leaving', phase: 'destroying' })]);
    state.beginOperation('up', creating.key);
    const busy = await runLine(['ls'], { state });
    expect(busy.err).toContain('half: up is at work on it (process 4711)');
    state.alive = false;
    const { err } = await runLine(['ls'], { state });
    expect(err).toContain(
      'half: interrupted while being made; go on: spuff up half, or remove it: spuff down half',
    );
    expect(err).toContain('leaving: interrupted while being destroyed; finish: spuff down leaving');
  });

  it('never prints the token or keys', async () => {
    const state = new MemoryState([sampleInstance()]);
    for (const argv of [['ls'], ['ls', '--json']]) {
      const { out, err } = await runLine(argv, { state });
      expect(out + err).not.toMatch(/token-that-nobody-may-see|redacted|AAAA/);
    }
  });

  it('escapes what a provider called things', async () => {
    const state = new MemoryState([sampleInstance({ region: 'a\x1b[2Jb\u202e', size: 'x\ny' })]);
    expect((await runLine(['ls'], { state })).out).toContain('a\\x1b[2Jb\\u202e  x\\ny');
    expect((await runLine(['ls', '--json'], { state })).out).toContain('"region":"a\\u001b[2Jb\\u202e"');
  });
});

describe('spuff ls --refresh', () => {
  it('writes down what the provider has, and what is gone', async () => {
    const [here, gone] = [sampleInstance({ name: 'here' }), sampleInstance({ name: 'gone' })];
    const unmade = sampleInstance({ name: 'unmade', vmId: null, phase: 'creating', vmState: null });
    const state = new MemoryState([here, gone, unmade]);
    const provider = {
      async *list() {
        yield { key: here.key, state: 'stopped' } as Vm;
        yield { key: null, state: 'running' } as Vm;
      },
    };
    const { status, err } = await runLine(['ls', '--refresh'], { state, provider });
    expect(status).toBe(0);
    expect(state.getInstance(here.key)?.vmState).toEqual({ state: 'stopped', checkedAt: new Date(nowMs) });
    expect(state.getInstance(gone.key)?.vmState?.state).toBe('gone');
    expect(state.getInstance(unmade.key)?.vmState).toBeNull();
    expect(err).toContain('gone: the machine is gone; forget it: spuff down gone');
  });

  it('lists what it knows when the provider does not answer, and fails', async () => {
    const provider = {
      list: () => {
        throw new ProviderError('network', 'the engine is not there', {
          provider: 'fake',
          op: 'list',
          retryable: true,
        });
      },
    };
    const state = new MemoryState([sampleInstance()]);
    const { status, out, err } = await runLine(['ls', '--refresh', '--json'], { state, provider });
    expect(status).toBe(7);
    expect(JSON.parse(out).instances).toHaveLength(1);
    expect(JSON.parse(err).error.message).toBe(
      'what fake has is as old as the list says: the engine is not there',
    );
  });
});
