import { describe, it } from 'vitest';
import { type FakeRun, nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { planPrebuild } from '../../app/prebuild-order.ts';
import type { InstanceKey } from '../../domain/ids.ts';
import { writePrebuildName } from '../../domain/prebuild.ts';
import { emptyProject, type ProjectFile } from '../../domain/project.ts';
import type { Capabilities, Size, SnapshotInfo } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { makeHostKey } from '../../ssh/host-key.ts';
import { jsonShapes } from '../json-shapes.ts';

const dayMs = 86_400_000;
const own = sampleInstance();
const agentPackage: NonNullable<FakeRun['agentPackage']> = async () => ({ version: '1.2.3' }) as never;
const project: ProjectFile = {
  ...emptyProject('/projects/here/spuff.yaml', '/projects/here', 'shop'),
  ...{ packages: ['ripgrep'], prebuild: 'auto', places: new Map([['prebuild', { line: 3, column: 11 }]]) },
};

async function hashFor(change: Partial<ProjectFile> = {}): Promise<string> {
  const facts = { provider: 'fake', arch: 'x86_64', diskGiB: null, user: 'dev' } as const;
  const image = { kind: 'slug', slug: 'debian-12' } as const;
  const plan = await planPrebuild(
    { agentPackage: agentPackage as never },
    { ...project, ...change },
    { ...facts, image },
  );
  return plan?.hash ?? '';
}

function prebuild(hash: string, change: Partial<SnapshotInfo> = {}): SnapshotInfo {
  return {
    ...{
      id: `id-${hash}`,
      name: writePrebuildName({ project: 'shop', hash, coldSetupMs: 41_000, mark: '3f2a' }),
    },
    ...{ key: own.key, instanceName: 'demo', sizeBytes: 2e9, region: null, billed: true },
    createdAt: new Date(nowMs - dayMs),
    ...change,
  };
}

function scene(snapshots: SnapshotInfo[], change: Partial<FakeRun> = {}): FakeRun & { deleted: string[] } {
  const deleted: string[] = [];
  const key = makeHostKey('test');
  return {
    deleted,
    project,
    agentPackage,
    state: new MemoryState([own]),
    ssh: {
      findLoginKeys: async () => ({ publicKeys: [key.publicKey], publicKeyPath: '/k.pub', notes: [] }),
      makeHostKey: () => key,
    },
    provider: {
      caps: {
        maxUserDataBytes: 65_536,
        billing: null,
        firewall: 'none',
        clock: 'this-computer',
      } as Capabilities,
      defaults: { region: 'here', size: 'small', image: { kind: 'slug', slug: 'debian-12' } },
      plan: () => ({ requests: [], hourly: null }),
      catalog: async () => ({
        ...{ regions: [], images: [] },
        sizes: [{ id: 'small', arch: 'x86_64', diskGiB: null } as Size],
      }),
      snapshots: {
        create: () => Promise.reject(new TypeError('none is made in this test')),
        async *list() {
          yield* snapshots;
        },
        delete: async (id) => void deleted.push(id),
        price: async () => ({ monthly: { amount: '0.06', currency: 'USD', basis: 'net' }, perBytes: 1e9 }),
      },
    },
    ...change,
  };
}

async function plannedFrom(given: FakeRun, ...args: string[]) {
  const { out, err, status } = await runLine(['up', 'x', '--dry-run', '--json', ...args], given);
  const plan =
    status === 0 ? (JSON.parse(out).plans as { image: { slug?: string; id?: string } }[])[0] : undefined;
  return { status, err, from: plan?.image.slug ?? plan?.image.id };
}

describe('what up starts from', () => {
  it('is the newest prebuild of what the project asks for', async ({ expect }) => {
    const hash = await hashFor();
    const older = prebuild(hash, { id: 'older', createdAt: new Date(nowMs - 2 * dayMs) });
    const { from } = await plannedFrom(
      scene([older, prebuild(hash), prebuild(await hashFor({ packages: ['jq'] }))]),
    );
    expect(from).toBe(`id-${hash}`);
  });

  it.for([
    [
      'of other packages',
      async () => prebuild(await hashFor({ packages: ['jq'] })),
      'what there is, is of other packages',
    ],
    [
      'too old',
      async () => prebuild(await hashFor(), { createdAt: new Date(nowMs - 31 * dayMs) }),
      '31d old',
    ],
    ['elsewhere', async () => prebuild(await hashFor(), { region: 'there' }), 'can be used in here'],
    // In a shared account anybody may give a disk of theirs such a name.
    [
      'of a machine of somebody else',
      async () => prebuild(await hashFor(), { key: 'f'.repeat(26) as InstanceKey }),
      'did not make',
    ],
    ['of a machine that nobody knows', async () => prebuild(await hashFor(), { key: null }), 'did not make'],
  ] as const)('is the image where the prebuild is %s', async ([, make, why], { expect }) => {
    const { from, err } = await plannedFrom(scene([await make()]));
    expect(from).toBe('debian-12');
    expect(err).toContain(why);
  });

  it('is the image where the user or the file says so, and what they name', async ({ expect }) => {
    const there = [prebuild(await hashFor()), prebuild(await hashFor(), { id: 'mine', name: 'mine' })];
    expect((await plannedFrom(scene(there), '--no-prebuild')).from).toBe('debian-12');
    expect((await plannedFrom(scene(there), '--no-setup')).from).toBe('debian-12');
    expect((await plannedFrom(scene(there, { project: { ...project, prebuild: 'off' } }))).from).toBe(
      'debian-12',
    );
    expect((await plannedFrom(scene(there), '--snapshot', 'mine')).from).toBe('mine');
    const silent = { ...project, prebuild: 'off', places: new Map() } as const;
    expect((await plannedFrom(scene(there, { project: silent }))).from).toBe(there[0]?.id);
  });

  it('is the image where the provider has no snapshots, which is said where the file wants them', async ({
    expect,
  }) => {
    const { snapshots: _, ...provider } = scene([]).provider ?? {};
    const { from, err } = await plannedFrom(scene([], { provider }));
    expect(from).toBe('debian-12');
    expect(err).toContain('/projects/here/spuff.yaml:3:11: fake has no snapshots, so there are no prebuilds');
  });

  it('is the image where nobody can say what there is', async ({ expect }) => {
    const given = scene([]);
    const snapshots = {
      ...given.provider?.snapshots,
      // biome-ignore lint/correctness/useYield: it fails before
      async *list(): AsyncGenerator<SnapshotInfo> {
        throw new ProviderError('auth', 'the token may not list them', {
          ...{ provider: 'fake', op: 'snapshots.list', retryable: false },
        });
      },
    } as never;
    const { from, err } = await plannedFrom({ ...given, provider: { ...given.provider, snapshots } });
    expect(from).toBe('debian-12');
    expect(err).toContain('no prebuild is used: the token may not list them');
  });
});

describe('spuff prebuild', () => {
  it('lists what there is at the provider, with what it saves and costs, and no other snapshot', async ({
    expect,
  }) => {
    const hash = await hashFor();
    const given = scene([prebuild(hash), prebuild(hash, { id: 'x', name: 'by-hand' })]);
    const { out } = await runLine(['prebuild', 'list'], given);
    expect(out).toContain('SAVES');
    expect(out).toMatch(/prebuild\.shop\.\w{16}\.41s-3f2a +shop +fake .* 41s +0\.12 USD/);
    expect(out).not.toContain('by-hand');
    const json = JSON.parse((await runLine(['prebuild', 'list', '--json'], given)).out);
    expect(jsonShapes.prebuilds.schema.safeParse(json).error).toBeUndefined();
    expect(json.prebuilds).toMatchObject([{ hash, project: 'shop', coldSetupMs: 41_000, isOwn: true }]);
  });

  it('prunes its own, and not others', async ({ expect }) => {
    const listed = ['a', 'b', 'c'].map((letter, at) =>
      prebuild(letter.repeat(16), { id: letter, createdAt: new Date(nowMs - (at + 1) * dayMs) }),
    );
    const foreign = prebuild('d'.repeat(16), { id: 'd', key: null, createdAt: new Date(nowMs - 90 * dayMs) });
    const given = scene([...listed, foreign]);
    const shown = await runLine(['prebuild', 'prune', '--dry-run', '--json'], given);
    const json = JSON.parse(shown.out);
    expect(jsonShapes['prebuilds-pruned'].schema.safeParse(json).error).toBeUndefined();
    expect(json).toMatchObject({ stale: [{ id: 'c' }], deleted: [], foreign: 1 });
    expect((await runLine(['prebuild', 'prune'], given)).status).toBe(2);
    expect(given.deleted).toEqual([]);
    await runLine(['prebuild', 'prune', '--force'], given);
    expect(given.deleted).toEqual(['c']);
    await runLine(['prebuild', 'prune', '--all', '--keep', '0', '--force'], given);
    expect(given.deleted).toEqual(['c', 'd', 'c', 'b', 'a']);
  });

  it('keeps what spuff snapshot prune lets go, and its names', async ({ expect }) => {
    const given = scene([
      prebuild('a'.repeat(16)),
      prebuild('b'.repeat(16), { id: 'hand', name: 'by-hand' }),
    ]);
    await runLine(['snapshot', 'prune', '--keep', '0', '--force'], given);
    expect(given.deleted).toEqual(['hand']);
    const { status, err } = await runLine(['snapshot', 'create', 'demo', '--as', 'prebuild.shop'], given);
    expect(status).toBe(2);
    expect(err).toContain('are those of prebuilds');
  });

  it('removes none that is no prebuild', async ({ expect }) => {
    const given = scene([
      prebuild('a'.repeat(16)),
      prebuild('b'.repeat(16), { id: 'hand', name: 'by-hand' }),
    ]);
    for (const name of ['by-hand', 'hand']) {
      const { status, err } = await runLine(['prebuild', 'rm', name], given);
      expect({ status, deleted: given.deleted }).toEqual({ status: 4, deleted: [] });
      expect(err).toContain('there is no prebuild');
    }
    await runLine(['prebuild', 'rm', `id-${'a'.repeat(16)}`], given);
    expect(given.deleted).toEqual([`id-${'a'.repeat(16)}`]);
  });

  it('makes none where there is one, or nothing to be in it', async ({ expect }) => {
    const hash = await hashFor();
    const { out, err } = await runLine(['prebuild', 'create'], scene([prebuild(hash)]));
    expect(out).toBe(`${prebuild(hash).name}\n`);
    expect(err).toContain('it was there already');
    const bare = { ...project, packages: [], setup: ['npm ci'] };
    const refused = await runLine(['prebuild', 'create'], scene([], { project: bare }));
    expect(refused.status).toBe(4);
    expect(refused.err).toContain('asks for nothing that would be in a prebuild');
  });
});
