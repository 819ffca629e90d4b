import { describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { emptyProject, type ProjectFile } from '../domain/project.ts';
import type { Capabilities, Provider } from '../domain/provider.ts';
import { makeHostKey } from '../ssh/host-key.ts';

const key = makeHostKey('login');
const ssh = {
  makeHostKey: () => key,
  findLoginKeys: async () => ({ publicKeys: [key.publicKey], publicKeyPath: null, notes: [] }),
};
const caps = {
  ...{ maxUserDataBytes: 65_536, firewall: 'at-create', prices: 'none', clock: 'this-computer' },
  ...{ billing: { granularity: 'hour', minSeconds: 3_600, minCharge: null }, snapshots: false, spot: false },
} as Capabilities;
const provider: Partial<Provider> = {
  caps,
  defaults: { region: 'here', size: 'small', image: { kind: 'slug', slug: 'debian-12' } },
  plan: () => ({ requests: [], hourly: null }),
  catalog: async () => ({
    ...{ regions: [], images: [] },
    sizes: ['small', 'large'].map((id) => ({
      ...{ id, vcpus: 4, memoryMiB: 8_192, diskGiB: 50, arch: 'x86_64' as const, gpu: false, hourly: null },
      regions: ['here', 'there'].map((region) => ({ id: region, available: true, deprecatedAfter: null })),
    })),
  }),
};
const project = (change: Partial<ProjectFile>): ProjectFile => ({
  ...emptyProject('/work/shop/spuff.yaml', '/work/shop', 'shop'),
  places: new Map([['on_idle', { line: 7, column: 10 }]]),
  ...change,
});
const resources = { provider: 'fake', regions: ['there'], size: 'large', image: 'debian-13' };

const plan = async (argv: readonly string[], file: ProjectFile | undefined, more: FakeRun = {}) => {
  const given = { directory: '/work/shop/src', state: new MemoryState(), ssh, provider, ...more };
  const settings = { firewall: ['203.0.113.1/32'], ...(more.settings as object) };
  const run = await runLine(['up', ...argv, '--dry-run', '--json'], {
    ...given,
    ...(file && { project: file }),
    settings,
  });
  const plans = run.out === '' ? [] : (JSON.parse(run.out) as { plans: Record<string, unknown>[] }).plans;
  return { ...run, plans };
};

describe('spuff up in a project', () => {
  it('takes its name, its folder and what it asks for', async () => {
    const file = project({ resources, idleTimeoutMs: 60_000, maxLifetimeMs: null, firewall: 'open' });
    const { plans, err } = await plan([], file);
    expect(plans, err).toMatchObject([
      {
        ...{ name: 'shop', directory: '/work/shop', provider: 'fake', region: 'there', size: 'large' },
        ...{ image: { slug: 'debian-13' }, idleTimeoutMs: 60_000, ttlMs: null, allowSshFrom: null },
      },
    ]);
  });

  it('lets options come first, and the settings after it', async () => {
    const argv = [
      'api',
      '--size',
      'small',
      '--region',
      'here',
      '--image',
      'i',
      '--ttl',
      '1h',
      '--idle-timeout',
      '5m',
    ];
    const { plans } = await plan(argv, project({ resources, idleTimeoutMs: null, maxLifetimeMs: null }));
    expect(plans).toMatchObject([
      {
        ...{ name: 'api', region: 'here', size: 'small', image: { slug: 'i' } },
        ...{ ttlMs: 3_600_000, idleTimeoutMs: 300_000, allowSshFrom: ['203.0.113.1/32'] },
      },
    ]);
  });

  it('is named after the directory without one', async () => {
    expect((await plan([], undefined)).plans).toMatchObject([{ name: 'src', directory: '/work/shop/src' }]);
  });

  it('keeps to the allowed regions, before anything is asked of the provider', async () => {
    const asked: string[] = [];
    const catalog = async () => {
      asked.push('catalog');
      return { regions: [], images: [], sizes: [] };
    };
    const settings = { allowedRegions: ['here'] };
    const more = { settings, provider: { ...provider, catalog } };
    const { status, err } = await plan([], project({ resources }), more);
    expect({ status, asked }).toEqual({ status: 3, asked: [] });
    expect(err).toContain('there is not among the allowed regions');
  });

  it('says where a wish stands that can not be met', async () => {
    const { status, err } = await plan([], project({ onIdle: 'snapshot' }));
    expect(status).toBe(16);
    expect(err).toContain('on_idle: destroy, at /work/shop/spuff.yaml:7:10');
  });
});
