import { describe, expect, it } from 'vitest';
import { type FakeRun, nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleVm } from '../../../test/fakes/sample-vm.ts';
import type { Provider, Vm } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';

const over = (change: Partial<Vm> = {}) => sampleVm({ expiresAt: new Date(nowMs - 1_000), ...change });

/** A provider that has these machines until they are destroyed. */
function providerOf(vms: Vm[], destroy?: () => Promise<void>): Partial<Provider> {
  const left = new Map(vms.map((vm) => [vm.id, vm]));
  return {
    async *list() {
      yield* left.values();
    },
    get: async (id) => left.get(id) ?? null,
    find: async (key) => [...left.values()].find((vm) => vm.key === key) ?? null,
    destroy: destroy ?? (async (id) => void left.delete(id)),
    async *leftovers() {
      yield* [];
    },
  };
}

describe('spuff reap', () => {
  it('says what became of each machine, and why', async () => {
    const run: FakeRun = { provider: providerOf([over({ instanceName: 'demo' })]), state: new MemoryState() };
    const dry = await runLine(['reap', '--dry-run'], run);
    expect(dry).toMatchObject({ status: 0 });
    expect(dry.out).toMatch(/demo +fake +running +due +its lease is over/);
    const { status, out } = await runLine(['reap', '--once'], run);
    expect(status).toBe(0);
    expect(out).toMatch(/demo +fake +running +destroyed +its lease is over/);
    expect((await runLine(['reap'], run)).err).toContain('there is nothing of spuff to reap');
  });

  it('fails with what failed, by its name, and prints the rest', async () => {
    const refused = new ProviderError('forbidden', 'the token may not', {
      ...{ provider: 'fake', op: 'destroy', retryable: false },
    });
    const provider = providerOf([over({ instanceName: 'demo' })], () => Promise.reject(refused));
    const { status, err, out } = await runLine(['reap', '--json'], { provider });
    expect(status).toBe(refused.exitStatus);
    expect(JSON.parse(err.trim().split('\n').at(-1) ?? '').error.errors).toMatchObject([
      { name: 'demo', code: 'auth' },
    ]);
    expect(JSON.parse(out).machines).toMatchObject([
      { name: 'demo', outcome: 'failed', why: 'past-deadline', error: { code: 'auth' } },
    ]);
  });

  it('names a provider that it could not ask', async () => {
    const { status, err } = await runLine(['reap', '--provider', 'fake, none'], { provider: providerOf([]) });
    expect(status).not.toBe(0);
    expect(err).toContain('none: there is no provider "none"');
  });

  it('escapes what is written on a machine', async () => {
    const provider = providerOf([over({ instanceName: null, key: null, id: '\u001b[2J' })]);
    const { out } = await runLine(['reap'], { provider });
    expect(out).not.toContain('\u001b[2J');
  });
});
