import { beforeEach, describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { ownerName } from '../../app/owner.ts';
import type { InstanceKey } from '../../domain/ids.ts';
import type { Vm } from '../../domain/provider.ts';
import { makeHostKey } from '../../ssh/host-key.ts';

const known = sampleInstance({ name: 'known' });
const keyOf = (name: string): InstanceKey => sampleInstance({ name }).key;

function makeVm(name: string, change: Partial<Vm> = {}): Vm {
  return {
    ...{ id: `vm-${name}`, key: keyOf(name), name: `spuff-${name}`, instanceName: name, state: 'running' },
    ...{
      region: 'here',
      size: 'small',
      arch: 'x86_64',
      ssh: { host: '198.51.100.1', port: 22 },
      billed: true,
    },
    ...{ createdAt: new Date(0), expiresAt: new Date(5_000), labels: { 'spuff.owner': ownerName() } },
    ...change,
  } as Vm;
}

let machines: Vm[];
let state: MemoryState;
beforeEach(() => {
  machines = [
    makeVm('known'),
    makeVm('mine'),
    makeVm('other', { labels: { 'spuff.owner': 'somebody-else' } }),
    makeVm('broken', { key: null }),
    makeVm('gone', { state: 'gone' }),
  ];
  state = new MemoryState([known]);
});

function run(...argv: string[]): ReturnType<typeof runLine> {
  const given: FakeRun = {
    state,
    ssh: {
      makeHostKey,
      findLoginKeys: async () => ({ publicKeys: ['ssh-ed25519 AAAA'], publicKeyPath: '/k.pub', notes: [] }),
    },
    provider: {
      async *list() {
        yield* machines;
      },
      get: async (id) => machines.find((vm) => vm.id === id) ?? null,
    },
  };
  return runLine(argv, given);
}

describe('spuff adopt', () => {
  it('takes what is mine and not known, once', async () => {
    expect(await run('adopt')).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^mine \(\w+\) is adopted, without/),
    });
    expect(state.findInstance('mine')).toMatchObject({
      ...{
        key: keyOf('mine'),
        vmId: 'vm-mine',
        phase: 'ready',
        provider: 'fake',
        expiresAt: new Date(5_000),
      },
      hostIdentity: { phase: 'lost' },
    });
    expect(state.listInstances()).toHaveLength(2);
    expect(await run('adopt')).toMatchObject({
      out: '',
      err: 'there is nothing that the state does not know\n',
    });
  });

  it('takes what is named, also of somebody else; under its key where the name is taken', async () => {
    machines.push(makeVm('twin', { instanceName: 'known' }));
    await run('adopt', 'other', keyOf('twin'));
    expect(state.listInstances().map(({ name }) => name)).toEqual(['known', 'other', keyOf('twin')]);
  });

  it.each([
    [['adopt', 'nobody'], 4, 'no machine of spuff'],
    [['adopt', 'broken'], 4, 'no machine of spuff'],
    [['adopt', '--host-key', 'ssh-rsa AAAAB3'], 2, 'no ed25519 host key'],
    [
      ['adopt', 'mine', 'other', '--host-key', `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)}`],
      2,
      'of one machine',
    ],
  ])('refuses %j', async (argv, status, text) => {
    expect(await run(...argv)).toMatchObject({ status, err: expect.stringContaining(text) });
    expect(state.listInstances()).toEqual([known]);
  });

  it.each([[['ssh', 'mine']], [['exec', 'mine', '--', 'true']], [['agent', 'status', 'mine']]])(
    'and then %j sends nothing, and says how to go on',
    async (argv) => {
      await run('adopt');
      const outcome = await run(...argv);
      expect(outcome).toMatchObject({ status: 9, bugs: [] });
      expect(outcome.err).toContain('--host-key');
    },
  );
});
