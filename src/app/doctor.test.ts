import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleVm } from '../../test/fakes/sample-vm.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Image, ImageStore, Vm } from '../domain/provider.ts';
import type { Check, HomeCare } from './doctor.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'doctor-'));
});
afterAll(() => rmSync(home, { recursive: true }));

const image = { name: 'debian-12', ref: { kind: 'slug', slug: 'debian-12' } } as Image;

async function* noMachines(): AsyncGenerator<Vm> {
  yield* [];
}

function wellRun(change: FakeRun & { care?: Partial<HomeCare> } = {}): FakeRun {
  const { care, ...rest } = change;
  const homeCare: HomeCare = {
    closeToOthers: () => [],
    checkState: () => null,
    recoverState: () => ({ keptAs: null, saved: [] }),
    ...care,
  };
  return {
    home,
    ssh: { findLoginKeys: async () => ({ publicKeys: ['k'], publicKeyPath: '/k.pub', notes: [] }) },
    provider: {
      checkAccess: async () => ({ account: 'someone', missing: [], quota: {} }),
      list: noMachines,
      images: { list: async () => [image] } as unknown as ImageStore,
    },
    services: { openHomeCare: async () => homeCare },
    ...rest,
  };
}

async function examineWith(
  change: Parameters<typeof wellRun>[0],
): Promise<{ status: number; checks: Map<string, Check> }> {
  const { status, out } = await runLine(['doctor', '--json'], wellRun(change));
  const { checks } = JSON.parse(out) as { checks: Check[] };
  return { status, checks: new Map(checks.map((check) => [check.name, check])) };
}

describe('spuff doctor', () => {
  it('is content with a machine that has everything', async () => {
    const { status, checks } = await examineWith({});
    const outcomes = [...checks.values()].map(({ name, outcome }) => `${name} ${outcome}`);
    // How much room the disk of this machine has is not for this test to say.
    expect(outcomes.filter((line) => !line.startsWith('disk'))).toEqual([
      'home ok',
      'config ok',
      'state ok',
      'instances ok',
      'untracked ok',
      'clock ok',
      'ssh ok',
      'ssh key ok',
      'provider ok',
      'base image ok',
    ]);
    expect(status).toBe(0);
  });

  it('fails, with the remedies, where something will not work', async () => {
    const { status, checks } = await examineWith({
      care: {
        checkState: () =>
          new SpuffError('state', 'state.db is damaged', { hints: ['spuff doctor --repair-state'] }),
      },
      ssh: {
        findLoginKeys: () =>
          Promise.reject(new SpuffError('permission', 'key is open', { hints: ['chmod 600 key'] })),
      },
      provider: {
        checkAccess: () =>
          Promise.reject(new SpuffError('unavailable', 'no engine', { hints: ['start it'] })),
      },
    });
    expect(status).toBe(1);
    expect(checks.get('state')).toMatchObject({ outcome: 'fail', hints: ['spuff doctor --repair-state'] });
    expect(checks.get('instances')).toMatchObject({ outcome: 'warn' });
    expect(checks.get('ssh key')).toMatchObject({
      outcome: 'fail',
      what: 'key is open',
      hints: ['chmod 600 key'],
    });
    expect(checks.get('provider')).toMatchObject({ outcome: 'fail', hints: ['start it'] });
  });

  it('warns, and does not fail, where something works but should be looked at', async () => {
    const half = sampleInstance({ name: 'half', phase: 'creating' });
    const state = new MemoryState([half]);
    state.beginOperation('up', half.key);
    state.alive = false;
    const { status, checks } = await examineWith({
      state,
      care: { closeToOthers: () => ['/home/someone/.spuff/x'] },
      provider: {
        checkAccess: async () => ({ account: 'a', missing: [], quota: {} }),
        list: noMachines,
        images: { list: async () => [] } as unknown as ImageStore,
      },
    });
    expect(status).toBe(0);
    expect(checks.get('home')).toMatchObject({ outcome: 'warn' });
    expect(checks.get('instances')?.hints[0]).toContain('half: interrupted while being made');
    expect(checks.get('base image')?.hints).toEqual(['build it now: spuff image build']);
  });

  it('warns of machines that are not in the state, each with the command that removes it', async () => {
    const lost = sampleVm({ instanceName: 'lost' });
    const { status, checks } = await examineWith({
      provider: {
        ...wellRun().provider,
        async *list() {
          yield lost;
        },
      },
    });
    expect(status).toBe(0);
    expect(checks.get('untracked')).toEqual({
      name: 'untracked',
      outcome: 'warn',
      what: '1 of your machines',
      hints: [`${lost.key}: not in the state (it was made as lost); remove it: spuff down ${lost.key}`],
    });
  });

  it('sees a clock that runs before what has been', async () => {
    const late = sampleInstance({ createdAt: new Date(Date.UTC(2030, 0, 1)) });
    const { checks } = await examineWith({ state: new MemoryState([late]) });
    expect(checks.get('clock')).toMatchObject({ outcome: 'fail' });
  });

  it('repairs the state only when told to', async () => {
    let repaired = 0;
    const care = {
      recoverState: () => {
        repaired += 1;
        return { keptAs: '/x/state.db.corrupt', saved: ['demo'] };
      },
    };
    await runLine(['doctor'], wellRun({ care }));
    expect(repaired).toBe(0);
    const { err } = await runLine(['doctor', '--repair-state'], wellRun({ care }));
    expect(repaired).toBe(1);
    expect(err).toContain(
      'kept aside: /x/state.db.corrupt; saved: demo; for what is missing: spuff ls --refresh',
    );
  });
});
