import { describe, expect, it } from 'vitest';
import { nowMs, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleVm } from '../../test/fakes/sample-vm.ts';
import { jsonShapes } from '../cli/json-shapes.ts';
import { SpuffError } from '../domain/errors.ts';
import { makeInstanceKey } from '../domain/ids.ts';
import type { Vm } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { ownerName } from './owner.ts';

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
        yield sampleVm({ key: here.key, state: 'stopped' });
        yield sampleVm({ key: null });
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

  it('shows what the provider says also where that can not be written down', async () => {
    const state = new MemoryState([sampleInstance()]);
    state.updateInstance = () => {
      throw new SpuffError('permission', 'the file system is read-only');
    };
    const { status, out } = await runLine(['ls', '--refresh', '--json'], { state, provider: machines() });
    expect(status).toBe(0);
    expect(JSON.parse(out).instances).toMatchObject([{ name: 'demo', vmState: 'gone' }]);
  });

  it('warns of settings that are wrong, and asks the providers of what it knows', async () => {
    const state = new MemoryState([sampleInstance()]);
    const run = { state, provider: machines(sampleVm({ key: sampleInstance().key })) };
    const { status, out, err } = await runLine(['ls', '--refresh'], {
      ...run,
      settings: new SpuffError('config', '/x/config.yaml:1:1: there is no setting "regoin"\n  and more'),
    });
    expect(status).toBe(0);
    expect(out).toContain('running');
    expect(err).toContain('not looked for: /x/config.yaml:1:1: there is no setting "regoin"\n');
  });
});

/** A provider that has these. */
function machines(...vms: Vm[]): {
  list: () => AsyncGenerator<Vm>;
  find: (key: string) => Promise<Vm | null>;
} {
  return {
    async *list() {
      yield* vms;
    },
    find: async (key) => vms.find((vm) => vm.key === key) ?? null,
  };
}

describe('a machine that is not in the state', () => {
  const lost = { ...sampleVm(), key: makeInstanceKey(0, new Uint8Array(10)) };

  it('is listed by its key with the command that removes it', async () => {
    const state = new MemoryState([sampleInstance()]);
    const provider = machines(sampleVm({ key: sampleInstance().key }), lost);
    const { status, out, err } = await runLine(['ls', '--refresh'], { state, provider });
    expect(status).toBe(0);
    expect(out).toMatch(/^0{26} +running +fake +here +small +2h +never +now$/m);
    expect(err).toContain(
      `${lost.key}: not in the state (it was made as lost); remove it: spuff down ${lost.key}\n`,
    );
    const json = await runLine(['ls', '--refresh', '--json'], { state, provider });
    const answer: unknown = JSON.parse(json.out);
    expect(jsonShapes.instances.schema.safeParse(answer)).toMatchObject({ success: true });
    expect(answer).toMatchObject({
      untracked: [{ key: lost.key, instanceName: 'lost', vmState: 'running' }],
    });
  });

  it('is looked for at the configured provider also when the state is empty, and only then', async () => {
    const asked = await runLine(['ls', '--refresh'], { provider: machines(lost) });
    expect(asked.out).toContain(lost.key);
    expect((await runLine(['ls', '--json'])).out).not.toContain('untracked');
  });

  it.each([
    ["somebody else's", { labels: { 'spuff.owner': 'somebody-else' } }],
    ['gone', { state: 'gone' as const }],
    ['not ours', { key: null }],
  ])('is not shown when it is %s', async (_what, change) => {
    const { out, err } = await runLine(['ls', '--refresh'], { provider: machines(sampleVm(change)) });
    expect(out).toBe('');
    expect(err).toBe('no instances; make one: spuff up\n');
  });

  it('is shown when it is this user’s', async () => {
    const own = machines({ ...lost, labels: { 'spuff.owner': ownerName(), 'spuff.kind': 'machine' } });
    expect((await runLine(['ls', '--refresh'], { provider: own })).out).toContain(lost.key);
  });

  it('is destroyed by its key, and by that key only', async () => {
    const state = new MemoryState();
    const destroyed: unknown[] = [];
    let present: Vm[] = [lost];
    const provider = {
      find: async (key: string) => present.find((vm) => vm.key === key) ?? null,
      destroy: async (id: string, { expectKey }: { expectKey: string }) => {
        destroyed.push([id, expectKey, state.listInstances().map(({ key, phase }) => [key, phase])]);
        present = [];
      },
      async *leftovers() {
        yield* [];
      },
    };
    const ssh = { disconnect: async () => undefined, forget: async () => undefined };
    expect(await runLine(['down', lost.key], { state, ssh, provider })).toMatchObject({ status: 0 });
    // It was written down before: who is killed meanwhile leaves something that `down` finishes.
    expect(destroyed).toEqual([[lost.id, lost.key, [[lost.key, 'destroying']]]]);
    expect(state.listInstances()).toEqual([]);
    const again = await runLine(['down', lost.key], { state, ssh, provider });
    expect(again).toMatchObject({ status: 4 });
  });

  it('can not be used for anything else', async () => {
    const provider = machines(lost);
    for (const argv of [
      ['ssh', lost.key],
      ['exec', lost.key, '--', 'x'],
    ]) {
      const { status, err } = await runLine(argv, { provider });
      expect(status).toBe(5);
      expect(err).toContain(`remove it: spuff down ${lost.key}`);
    }
  });
});
