import { describe, expect, it } from 'vitest';
import { createFakeRuntime } from '../../test/contract/fake-cloud.ts';
import { createFakeProvider } from '../../test/contract/fake-provider.ts';
import { makeReapScene } from '../../test/fakes/reap-scene.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { makeSpec } from '../../test/machine/lab.ts';
import type { Tariff } from '../domain/money.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { endSlackMs } from '../domain/spend-limit.ts';

const hourMs = 3_600_000;
const hourly = { amount: '0.6', currency: 'USD', basis: 'net' } as const;
const tariff: Tariff = { hourly, granularity: 'second', minSeconds: 60 };

/** An instance whose machine has switched itself off, and is gone with that, `passedMs` ago. */
async function open(passedMs: number) {
  const runtime = createFakeRuntime();
  const provider = createFakeProvider({
    runtime,
    caps: { clock: 'this-computer', guestPoweroff: 'deletes' },
  });
  const within = () => ({
    signal: new AbortController().signal,
    deadline: new Date(runtime.now() + hourMs),
  });
  const expiresAt = new Date(runtime.now() + hourMs);
  const spec = makeSpec({ region: 'here', size: 'small', instanceName: 'idle', expiresAt });
  const { id, createdAt } = await provider.create(spec, within());
  await provider.waitFor(id, 'running', within());
  const scene = makeReapScene(provider, runtime);
  scene.state.insertInstance(
    sampleInstance({
      ...{ key: spec.key, name: 'idle', vmId: id, createdAt, expiresAt, tariff },
      vmState: null,
    }),
  );
  provider.cloud.powerOff(id);
  runtime.advance(passedMs);
  return { ...scene, provider, createdAt, expiresAt };
}

describe('an instance whose machine has ended by itself', () => {
  it('is ended, and costs until its deadline at most', async () => {
    const { outcomes, state, createdAt, expiresAt } = await open(300 * hourMs);
    expect(await outcomes({ dryRun: true })).toEqual(['idle: to-be-destroyed, gone']);
    expect(await outcomes()).toEqual(['idle: gone, gone']);
    expect(state.listInstances()).toEqual([]);
    const assumedEndAt = new Date(expiresAt.getTime() + endSlackMs);
    const [receipt] = state.listReceipts();
    expect(receipt).toMatchObject({ why: 'gone', endedAt: null, assumedEndAt });
    const hours = (assumedEndAt.getTime() - createdAt.getTime()) / hourMs;
    expect(Number(receipt?.cost?.amount)).toBeCloseTo(0.6 * hours, 4);
  });

  it.each([
    ['is believed', 20 * 60_000, true],
    ['before its beginning is not', -hourMs, false],
    ['that is yet to come is not', 400 * hourMs, false],
  ])('has the end that its provider tells: one that %s', async (_what, toldMs, isBelieved) => {
    const { provider, createdAt, reap, state } = await open(300 * hourMs);
    const told = new Date(createdAt.getTime() + toldMs);
    provider.endOf = async () => told;
    await reap();
    const [receipt] = state.listReceipts();
    expect(receipt).toMatchObject({ endedAt: isBelieved ? told : null });
    expect(receipt?.assumedEndAt === null).toBe(isBelieved);
  });

  it('is forgotten also where the provider refuses to tell its end', async () => {
    const { provider, outcomes, state } = await open(2 * hourMs);
    provider.endOf = async () => {
      throw new ProviderError('forbidden', 'no', { provider: 'fake', op: 'endOf', retryable: false });
    };
    expect(await outcomes()).toEqual(['idle: gone, gone']);
    expect(state.listReceipts()[0]?.assumedEndAt).not.toBeNull();
  });
});
