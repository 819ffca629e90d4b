import { describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Capabilities, Provider, SnapshotStore } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { makeHostKey } from '../../ssh/host-key.ts';

const terminals = { out: true, err: true, input: true };

describe('spuff up', () => {
  const plan = (directory: string): FakeRun => ({
    directory,
    ssh: {
      findLoginKeys: async () => ({ publicKeys: ['ssh-ed25519 AAAA'], publicKeyPath: '/k.pub', notes: [] }),
      makeHostKey: () => {
        throw new TypeError('not needed');
      },
    },
    provider: {
      caps: { maxUserDataBytes: 65_536, billing: null, firewall: 'none' } as Capabilities,
      defaults: { region: 'here', size: 'small', image: { kind: 'slug', slug: 'debian-12' } },
    },
  });

  it('takes each wish to the plan as it was written', async () => {
    const wishes = ['--size', 'big', '--region', 'there', '--ttl', '90m', '--idle-timeout', 'off'];
    const key = makeHostKey('test');
    const findLoginKeys = async () => ({ publicKeys: [key.publicKey], publicKeyPath: '/k.pub', notes: [] });
    const { provider } = plan('/x');
    const { out, status } = await runLine(['up', 'x', '--dry-run', '--json', ...wishes], {
      ssh: { findLoginKeys, makeHostKey: () => key },
      provider: { ...provider, plan: () => ({ requests: [], hourly: null }) },
    });
    expect(status).toBe(0);
    expect(JSON.parse(out).plans).toMatchObject([
      { name: 'x', size: 'big', region: 'there', ttlMs: 90 * 60_000, idleTimeoutMs: null },
    ]);
  });

  it('takes the name of the directory, or says that it can not', async () => {
    const taken = new MemoryState([sampleInstance({ name: 'my-project' })]);
    const { status, err } = await runLine(['up'], { ...plan('/home/someone/My Project!'), state: taken });
    expect(status).toBe(5);
    expect(err).toContain('my-project exists already');
    expect(await runLine(['up'], plan('/'))).toMatchObject({ status: 2 });
    expect(await runLine(['up'], plan('/home/日本'))).toMatchObject({ status: 2 });
  });

  it('names each that failed', async () => {
    const state = new MemoryState([sampleInstance({ name: 'one' }), sampleInstance({ name: 'two' })]);
    const { status, err } = await runLine(['up', 'one', 'two'], { ...plan('/x'), state });
    expect(status).toBe(5);
    expect(err.split('\n').filter((line) => line.startsWith('error:'))).toEqual([
      'error: one: one exists already',
      'error: two: two exists already',
    ]);
  });

  it.each([
    [['up', 'one', 'one'], 'stands twice'],
    [['up', 'Not A Name'], 'usable instance name'],
    [['up', 'x', '--image', 'a', '--snapshot', 'b'], 'exclude each other'],
    [['up', 'x', '--idle-timeout', 'soon'], 'write a number with s, m, h or d'],
    [['up', 'x', '--ttl', `${'999999d'.repeat(110)}`], 'ten years'],
  ])('refuses %j', async (argv, text) => {
    const { status, err } = await runLine(argv, plan('/x'));
    expect(status).toBe(2);
    expect(err).toContain(text);
  });
});

describe('spuff down', () => {
  const provider = (destroyed: string[]): NonNullable<FakeRun['provider']> => ({
    find: async () => null,
    get: async () => null,
    destroy: async (id) => void destroyed.push(id),
    async *leftovers() {
      yield* [];
    },
  });
  const ssh = {
    disconnect: async () => undefined,
    forget: async () => undefined,
    run: async () => ({ stdout: '', stderr: '', exitCode: 1 }),
  };
  const two = () => new MemoryState([sampleInstance(), sampleInstance({ name: 'other' })]);

  it('destroys what is named without a question', async () => {
    const state = two();
    const { status } = await runLine(['down', 'demo'], { state, ssh, provider: provider([]), terminals });
    expect(status).toBe(0);
    expect(state.listInstances().map(({ name }) => name)).toEqual(['other']);
  });

  it.each([
    ['no', false, ['demo', 'other'], 130],
    ['yes', true, [], 0],
  ])('asks about what is not named, and takes %s', async (_word, answer, left, expected) => {
    const state = two();
    const asked: unknown[] = [];
    const questions = {
      confirm: async (...question: unknown[]) => {
        asked.push(question);
        return answer;
      },
    };
    const run = { state, ssh, provider: provider([]), terminals, questions };
    expect(await runLine(['down', '--all'], run)).toMatchObject({ status: expected });
    expect(asked).toEqual([['Destroy demo, other?', false]]);
    expect(state.listInstances().map(({ name }) => name)).toEqual(left);
  });

  it.each([
    ['no terminal', ['down', '--all'], {}, {}],
    ['--no-input', ['down', '--all', '--no-input'], terminals, {}],
    ['CI', ['down', '--all'], terminals, { CI: '1' }],
    ['the only one', ['down'], {}, {}],
  ])('wants --force where it can not ask: %s', async (_name, argv, where, env: Record<string, string>) => {
    const state = new MemoryState([sampleInstance()]);
    const run = { state, ssh, provider: provider([]), terminals: where, env };
    expect(await runLine(argv, run)).toMatchObject({ status: 2, out: '' });
    expect(state.listInstances()).toHaveLength(1);
    expect(await runLine([...argv, '--force'], run)).toMatchObject({ status: 0 });
    expect(state.listInstances()).toHaveLength(0);
  });

  it('destroys nothing when the snapshot fails, unless it must', async () => {
    const failing = {
      create: () =>
        Promise.reject(
          new ProviderError('server', 'no space', { provider: 'fake', op: 'x', retryable: true }),
        ),
      async *list() {
        yield* [];
      },
      delete: async () => undefined,
    } as unknown as SnapshotStore;
    const state = two();
    const run = { state, ssh, provider: { ...provider([]), snapshots: failing } };
    expect(await runLine(['down', 'demo', '--snapshot'], run)).toMatchObject({ status: 14 });
    expect(state.listInstances()).toHaveLength(2);
    const forced = await runLine(['down', 'demo', '--snapshot', '--force'], run);
    expect(forced.err).toContain('destroyed without its snapshot, as --force says: no space');
    expect(forced.out).toBe('');
    expect(state.listInstances()).toHaveLength(1);
  });

  it.each([
    [['down', 'demo', '--all'], 'exclude each other'],
    [['down', '--all', '--force', '--snapshot=x'], 'one snapshot name cannot serve several instances'],
    [['down', 'demo', '--snapshot=Not A Name'], 'usable snapshot name'],
  ])('refuses %j', async (argv, text) => {
    const state = two();
    const { status, err } = await runLine(argv, { state, ssh, provider: provider([]) });
    expect(status).toBe(2);
    expect(err).toContain(text);
    expect(state.listInstances()).toHaveLength(2);
  });

  it('takes no name for that of a snapshot', async () => {
    const state = two();
    const taken: string[] = [];
    const snapshots = {
      create: async (_id: string, name: string) => void taken.push(name),
      async *list() {
        yield* [];
      },
    } as unknown as SnapshotStore;
    const run = { state, ssh, provider: { ...provider([]), snapshots } };
    for (const line of [
      ['down', '--snapshot', 'demo'],
      ['down', '--snapshot', 'other', '--bogus'],
    ])
      await runLine(line, run);
    expect(taken.map((name) => name.replace(/-\d.*/, ''))).toEqual(['demo']);
    expect(state.listInstances().map(({ name }) => name)).toEqual(['other']);
    await runLine(['down', 'other', '--snapshot=mine', '-q'], run);
    expect(taken.at(-1)).toBe('mine');
  });

  it('refuses the name of a snapshot that there is, before anything is destroyed', async () => {
    const state = two();
    const snapshots = {
      async *list() {
        yield { name: 'mine' };
      },
    } as unknown as SnapshotStore;
    const outcome = await runLine(['down', 'demo', '--snapshot=mine'], {
      state,
      ssh,
      provider: { ...provider([]), snapshots },
    });
    expect(outcome).toMatchObject({ status: 5, err: expect.stringContaining('named mine already') });
    expect(state.listInstances()).toHaveLength(2);
  });

  it('tells what went well before what did not', async () => {
    const state = two();
    const destroy: Provider['destroy'] = async (_id, { expectKey }) => {
      if (state.getInstance(expectKey)?.name === 'other')
        throw new ProviderError('server', 'down for repair', {
          provider: 'fake',
          op: 'destroy',
          retryable: true,
        });
    };
    const run = { state, ssh, provider: { ...provider([]), destroy } };
    const { out, err, status } = await runLine(['down', 'demo', 'other', '--json'], run);
    expect(status).toBe(14);
    expect(JSON.parse(out)).toMatchObject({
      instances: [{ name: 'demo' }],
      kept: [{ snapshot: null, rescue: null }],
    });
    expect(JSON.parse(err.trim().split('\n').at(-1) ?? '')).toMatchObject({
      error: { errors: [{ name: 'other' }] },
    });
  });

  it('stopped in the middle of its snapshot destroys nothing, also with --force', async () => {
    const state = two();
    const controller = new AbortController();
    const snapshots = {
      create: async () => {
        controller.abort();
        throw new SpuffError('interrupted', 'the call was stopped');
      },
      async *list() {
        yield* [];
      },
    } as unknown as SnapshotStore;
    const run = { state, ssh, signal: controller.signal, provider: { ...provider([]), snapshots } };
    expect(await runLine(['down', 'demo', '--snapshot', '--force'], run)).toMatchObject({ status: 130 });
    expect(state.listInstances().map(({ phase }) => phase)).toEqual(['ready', 'ready']);
  });

  it('says so when there is nothing', async () => {
    expect(await runLine(['down', '--all'])).toMatchObject({
      status: 0,
      err: 'there is nothing to destroy\n',
    });
  });
});
