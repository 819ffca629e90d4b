import { describe, it } from 'vitest';
import { planParts } from '../agent/setup/plan-parts.ts';
import { bundles, planBundles, releasesOn } from '../bootstrap/plan-bundles.ts';
import { emptyProject, type ProjectFile } from '../domain/project.ts';
import type { Size } from '../domain/provider.ts';
import { archOf, type PrebuildFacts, planPrebuild } from './prebuild-order.ts';
import { prepareSetup } from './setup-order.ts';

const context = { agentPackage: async () => ({ version: '1.0.0' }) as never };
const facts: PrebuildFacts = {
  ...{ provider: 'fake', arch: 'x86_64', diskGiB: 40, user: 'dev' },
  image: { kind: 'slug', slug: 'debian-12' },
};
const whole: ProjectFile = {
  ...emptyProject('/p/spuff.yaml', '/p', 'shop'),
  ...{
    bundles: [{ name: 'node', version: '24' }],
    packages: ['ripgrep', 'jq'],
    aiTools: ['codex'],
    keepEnv: true,
  },
  repositories: [{ url: 'git@host:private/thing', path: null, branch: null }],
  dotfiles: { url: 'git@host:private/dots', path: null, branch: null },
  env: { TOKEN: { kind: 'text', text: '$TOKEN' } },
  setup: ['npm ci'],
  hooks: { postUp: ['echo up'], preDown: ['echo down'] },
};
const plan = (change: Partial<ProjectFile> = {}, other: Partial<PrebuildFacts> = {}) =>
  planPrebuild(context, { ...whole, ...change }, { ...facts, ...other });
const hashOf = async (...args: Parameters<typeof plan>) => (await plan(...args))?.hash;

describe('what a prebuild is made of', () => {
  it('is packages, bundles and AI tools, with nothing that is private', async ({ expect }) => {
    const made = await plan();
    expect(made?.prepared.env.size).toBe(0);
    expect(made?.prepared.order).toMatchObject({
      ...{
        repositories: [],
        dotfiles: null,
        services: null,
        setup: [],
        postUp: [],
        preDown: [],
        keepEnv: false,
      },
    });
    expect(JSON.stringify(made)).not.toMatch(/private|TOKEN|npm ci|echo/);
  });

  it('leaves the hashes by which the whole order finds them done', async ({ expect }) => {
    const { order } = await prepareSetup({ project: whole, env: new Map() }, facts);
    const hashesOf = (one: Omit<typeof order, 'env'>) =>
      planParts({ ...one, env: {} })
        .flat()
        .flatMap(({ parts }) => parts)
        .filter(({ kind }) => kind === 'packages' || kind === 'bundle' || kind === 'ai')
        .map(({ kind, name, hash }) => [kind, name, hash]);
    const ofWhole = hashesOf(order);
    expect(ofWhole.map(([kind]) => kind)).toEqual(['packages', 'bundle', 'ai']);
    const made = await plan();
    expect(made && hashesOf(made.prepared.order as typeof order)).toEqual(ofWhole);
  });

  it('is told by its hash', async ({ expect }) => {
    const usual = await hashOf();
    const others = [
      await hashOf({ packages: ['ripgrep'] }),
      await hashOf({ bundles: [{ name: 'node', version: '22' }] }),
      await hashOf({ aiTools: 'none' }),
      await hashOf({}, { provider: 'other' }),
      await hashOf({}, { image: { kind: 'slug', slug: 'ubuntu-24' } }),
      await hashOf({}, { arch: 'arm64' }),
      await hashOf({}, { diskGiB: 80 }),
      await hashOf({}, { user: 'ana' }),
      (await planPrebuild({ agentPackage: async () => ({ version: '1.0.1' }) as never }, whole, facts))?.hash,
    ];
    expect(new Set([usual, ...others]).size).toBe(others.length + 1);
    const same = [
      await hashOf({ packages: ['jq', 'ripgrep'] }),
      await hashOf({ env: {}, setup: ['other'], keepEnv: false, hooks: { postUp: [], preDown: [] } }),
      await hashOf({ repositories: [] }),
    ];
    expect(new Set([usual, ...same]).size).toBe(1);
  });

  it('is nothing where only commands are asked for', async ({ expect }) => {
    const bare = { bundles: [], packages: [], aiTools: 'none', repositories: [], dotfiles: null } as const;
    expect(await plan(bare)).toBeNull();
  });

  it('has no bundles on an image whose machines would look for others', async ({ expect }) => {
    const image = { kind: 'slug', slug: 'debian-13' } as const;
    await expect(plan({}, { image })).rejects.toThrow('no prebuild with bundles is made of debian-13');
    expect(await plan({ bundles: [], aiTools: 'none' }, { image })).not.toBeNull();
  });
});

describe('what bundles put into a home', () => {
  it('is of the programs whose folders the cleaning of a disk leaves there', ({ expect }) => {
    const plans = bundles.flatMap((one) =>
      releasesOn(one, 'debian-12').flatMap(({ version }) =>
        planBundles([{ name: one.name, version }], { arch: 'x86_64' }),
      ),
    );
    const ofUser = plans.flatMap(({ commands }) => commands.filter(({ asUser }) => asUser));
    expect(new Set(ofUser.map(({ argv }) => argv[0]))).toEqual(new Set(['rustup', 'mix']));
  });
});

describe('the processor of a machine that is planned', () => {
  const size = (id: string, arch: Size['arch']) => ({ id, arch }) as Size;

  it('is that of its size, or the one that all have', ({ expect }) => {
    const mixed = [size('small', 'x86_64'), size('arm', 'arm64')];
    expect(archOf(mixed, 'arm')).toBe('arm64');
    expect(archOf(mixed, '2cpu-4gb')).toBeNull();
    expect(archOf(mixed.slice(1), '2cpu-4gb')).toBe('arm64');
  });
});
