import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeRuntime } from '../../test/contract/fake-cloud.ts';
import { createFakeProvider } from '../../test/contract/fake-provider.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { makeSpec } from '../../test/machine/lab.ts';
import { SpuffError } from '../domain/errors.ts';
import { resolvePolicy } from '../domain/guard-policy.ts';
import type { Instance } from '../domain/instance.ts';
import { silentProgress } from '../domain/progress.ts';
import type { ProjectFile } from '../domain/project.ts';
import { defaultSettings, type Settings } from '../domain/settings.ts';
import type { AppContext } from './context.ts';
import { type ExtendRequest, extendInstance } from './extend.ts';

const hourMs = 3_600_000;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-extend-'));
  writeFileSync(join(folder, 'agent.cjs'), 'the agent');
});
afterAll(() => rmSync(folder, { recursive: true }));

async function open(settings: Partial<Settings> = {}, project: Partial<ProjectFile> | null = null) {
  const runtime = createFakeRuntime();
  const provider = createFakeProvider({ runtime, caps: { clock: 'this-computer' } });
  const within = () => ({
    signal: new AbortController().signal,
    deadline: new Date(runtime.now() + 60_000),
  });
  const spec = makeSpec({ region: 'here', size: 'small', expiresAt: new Date(runtime.now() + 2 * hourMs) });
  const { id } = await provider.create(spec, within());
  await provider.waitFor(id, 'running', within());
  const { key, expiresAt } = spec;
  const state = new MemoryState([sampleInstance({ key, vmId: id, expiresAt })]);
  /** Each end as the provider, the machine and the state had it, whenever one of them was changed. */
  const machine = { tells: 0, fails: false };
  const warnings: string[] = [];
  const context = {
    ...{
      runtime,
      progress: { ...silentProgress, warn: (text: string) => void warnings.push(text) },
      signal: new AbortController().signal,
    },
    settings: async () => ({ ...defaultSettings, ...settings }),
    state: async () => state,
    provider: async () => provider,
    ssh: async () => ({
      run: async () => {
        if (machine.fails) throw new SpuffError('connection', 'the machine does not answer');
        machine.tells += 1;
        return { exitCode: 0, stdout: '', stderr: '' };
      },
    }),
    project: async () => project,
    policy: async () => [],
    guardPolicy: async () => resolvePolicy(null, null),
    agentPackage: async () => ({
      ...{ version: '9.9.9', bundlePath: join(folder, 'agent.cjs'), bundleSha256: 'a'.repeat(64) },
      runtime: () => ({ sha256: 'b'.repeat(64), locate: async () => folder }),
    }),
  } as unknown as AppContext;
  const ends = async () => ({
    provider: (await provider.get(id, within()))?.expiresAt ?? null,
    state: state.getInstance(key)?.expiresAt ?? null,
  });
  const extend = (request: Partial<ExtendRequest>) =>
    extendInstance(context, state.getInstance(key) as Instance, {
      ...{ end: 'off', beyond: false, overBudget: false },
      ...request,
    });
  const end = expiresAt as Date;
  const later = (ms: number) => new Date(end.getTime() + ms);
  return { runtime, provider, state, key, id, machine, ends, extend, end, later, warnings };
}

describe('a lease', () => {
  it('gets longer at the provider, on the machine and in the state', async () => {
    const { extend, ends, later, machine, state, key } = await open();
    expect(await extend({ end: { by: hourMs } })).toMatchObject({ expiresAt: later(hourMs) });
    expect(await ends()).toEqual({ provider: later(hourMs), state: later(hourMs) });
    expect(machine.tells).toBe(1);
    expect(state.getInstance(key)?.agent?.version).toBe('9.9.9');
  });

  it('gets an earlier end, or none', async () => {
    const { extend, ends, later } = await open({ maxLifetimeMs: null });
    await extend({ end: { at: later(-hourMs) } });
    expect(await ends()).toEqual({ provider: later(-hourMs), state: later(-hourMs) });
    await extend({ end: 'off' });
    expect(await ends()).toEqual({ provider: null, state: null });
  });

  it('that is over counts from now', async () => {
    const { extend, ends, runtime } = await open();
    runtime.advance(5 * hourMs);
    await extend({ end: { by: hourMs } });
    const { provider } = await ends();
    expect(provider?.getTime()).toBeGreaterThanOrEqual(runtime.now() + hourMs - 60_000);
  });

  it.each<[string, Partial<ExtendRequest>]>([
    ['further than max_lifetime', { end: { by: 23 * hourMs } }],
    ['no end at all', { end: 'off' }],
    ['a moment that is over', { end: { at: new Date(0) } }],
  ])('is not given %s', async (_what, request) => {
    const { extend, ends, end, machine } = await open();
    await expect(extend(request)).rejects.toMatchObject({ code: 'usage' });
    expect(await ends()).toEqual({ provider: end, state: end });
    expect(machine.tells).toBe(0);
  });

  it('is held to what its project says, where that says something', async () => {
    const strict = await open({}, { maxLifetimeMs: 3 * hourMs });
    await expect(strict.extend({ end: { by: 2 * hourMs } })).rejects.toThrow(/max_lifetime.*3h/);
    const free = await open({}, { maxLifetimeMs: null });
    await free.extend({ end: { by: 100 * hourMs } });
    expect((await free.ends()).provider).toEqual(free.later(100 * hourMs));
    const silent = await open({}, { maxLifetimeMs: undefined });
    await expect(silent.extend({ end: { by: 23 * hourMs } })).rejects.toMatchObject({ code: 'usage' });
  });

  it('goes beyond that when it is told to', async () => {
    const { extend, ends, later } = await open();
    await extend({ end: { by: 100 * hourMs }, beyond: true });
    expect(await ends()).toEqual({ provider: later(100 * hourMs), state: later(100 * hourMs) });
  });
});

describe('the monthly budget', () => {
  const tariff = {
    hourly: { amount: '1', currency: 'USD', basis: 'net' },
    granularity: 'hour',
    minSeconds: 3_600,
  } as const;
  /** Two hours of lease are bought, and what ending takes: 3 USD. */
  const within = async (amount: string, isPriced = true) => {
    const scene = await open({ monthlyBudgets: [{ amount, currency: 'USD' }], maxLifetimeMs: null });
    scene.state.updateInstance(scene.key, {
      ...(isPriced && { tariff }),
      createdAt: new Date(scene.runtime.now()),
    });
    return scene;
  };

  it('refuses a lease that can cost more, before anything is moved, and says what is left', async () => {
    const { extend, ends, end, machine, state, key } = await within('5');
    const refusal = extend({ end: { by: 3 * hourMs } });
    await expect(refusal).rejects.toMatchObject({
      code: 'quota',
      message: expect.stringContaining('can come to 6.00 USD'),
      hints: expect.arrayContaining(['move its end less far: all of it may come to 5USD this month']),
    });
    expect(await ends()).toEqual({ provider: end, state: end });
    expect({ tells: machine.tells, open: state.findOperation(key) }).toEqual({ tells: 0, open: null });
  });

  it('lets it be up to the limit, with a warning, and beyond it knowingly', async () => {
    const { extend, ends, later, warnings } = await within('5');
    await extend({ end: { by: 2 * hourMs } });
    expect(warnings.join()).toContain('100 % of monthly_budget');
    await extend({ end: { by: hourMs }, overBudget: true });
    expect((await ends()).provider).toEqual(later(3 * hourMs));
    expect(warnings.at(-1)).toContain('120 % of monthly_budget');
  });

  it('has nothing against an earlier end, and nothing for a price that nobody knows', async () => {
    const over = await within('1');
    await over.extend({ end: { at: over.later(-hourMs) } });
    expect(await over.ends()).toEqual({ provider: over.later(-hourMs), state: over.later(-hourMs) });
    const unknown = await within('100', false);
    const error = { code: 'quota', message: expect.stringContaining('nobody tells what small costs') };
    await expect(unknown.extend({ end: { by: hourMs } })).rejects.toMatchObject(error);
    await unknown.extend({ end: { by: hourMs }, overBudget: true });
  });
});

describe('a run that fails half-way', () => {
  it('shows the end that holds, whichever comes first, and the same command finishes it', async () => {
    const longer = await open();
    longer.machine.fails = true;
    await expect(longer.extend({ end: { by: hourMs } })).rejects.toMatchObject({ code: 'connection' });
    expect(await longer.ends()).toEqual({ provider: longer.later(hourMs), state: longer.end });
    longer.machine.fails = false;
    await longer.extend({ end: { by: hourMs } });
    expect(await longer.ends()).toEqual({ provider: longer.later(hourMs), state: longer.later(hourMs) });

    const shorter = await open();
    shorter.machine.fails = true;
    const at = shorter.later(-hourMs);
    await expect(shorter.extend({ end: { at } })).rejects.toMatchObject({ code: 'connection' });
    expect(await shorter.ends()).toEqual({ provider: shorter.end, state: at });
  });

  it('changes nothing where the provider refuses', async () => {
    const { extend, ends, end, provider, machine } = await open();
    provider.cloud.failNext('setExpiry', { kind: 'refused', code: 'forbidden' });
    await expect(extend({ end: { by: hourMs } })).rejects.toMatchObject({ code: 'auth' });
    expect(await ends()).toEqual({ provider: end, state: end });
    expect(machine.tells).toBe(0);
  });

  it('touches nothing while another process is at work on the instance', async () => {
    const { extend, ends, end, state, key } = await open();
    state.beginOperation('snapshot', key);
    await expect(extend({ end: { by: hourMs } })).rejects.toMatchObject({ code: 'conflict' });
    expect(await ends()).toEqual({ provider: end, state: end });
  });
});

it('a machine that is off is given its end at the provider', async () => {
  const { extend, ends, later, machine, provider, id, runtime } = await open();
  provider.cloud.stop(id);
  runtime.advance(60_000);
  await extend({ end: { by: hourMs } });
  expect(await ends()).toEqual({ provider: later(hourMs), state: later(hourMs) });
  expect(machine.tells).toBe(0);
});
