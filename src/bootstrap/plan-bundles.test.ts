import fc from 'fast-check';
import { describe, it } from 'vitest';
import { aiToolNames, bundleNames } from '../domain/bundle-names.ts';
import { type BundlePlan, distributions } from '../domain/bundle-plan.ts';
import { planBundleSteps } from '../domain/bundle-steps.ts';
import { SpuffError } from '../domain/errors.ts';
import { bundlePlan } from '../protocol/setup-schema.ts';
import { aiTools } from './bundles/ai-tools.ts';
import { bundles, planAiTools, planBundles, releasesOn } from './plan-bundles.ts';

const arches = ['x86_64', 'arm64'] as const;

interface Case {
  label: string;
  arch: (typeof arches)[number];
  distribution: (typeof distributions)[number];
  plan: BundlePlan;
}

const bundleCases: Case[] = bundles.flatMap((definition) =>
  distributions.flatMap((distribution) =>
    releasesOn(definition, distribution).flatMap(({ version }) =>
      arches.map((arch) => ({
        label: `${definition.name}@${version} on ${distribution} ${arch}`,
        arch,
        distribution,
        plan: planBundles([{ name: definition.name, version }], { arch, distribution })[0]!,
      })),
    ),
  ),
);
const aiCases: Case[] = arches.flatMap((arch) =>
  planAiTools('all', { arch, hasNode: false }).map((plan) => ({
    label: `${plan.name} ${arch}`,
    arch,
    distribution: 'debian-12' as const,
    plan,
  })),
);

describe('each definition', () => {
  it('is there for every name, once', ({ expect }) => {
    expect(bundles.map(({ name }) => name)).toEqual(bundleNames);
    expect(aiTools.map(({ name }) => name)).toEqual(aiToolNames);
  });

  it.for([...bundleCases, ...aiCases])('$label is what a machine takes', ({ plan }, { expect }) => {
    expect(bundlePlan.parse(plan)).toEqual(plan);
    expect(plan.checks.some(({ required }) => required)).toBe(true);
  });

  it.for([...bundleCases, ...aiCases])(
    '$label fetches over https, for its processor',
    (scene, { expect }) => {
      for (const { url, sha256, links } of scene.plan.archives) {
        expect(new URL(url).protocol).toBe('https:');
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(Object.values(links).join(' ')).not.toMatch(/(^|[ /])[.][.]?([ /]|$)/);
        const other = scene.arch === 'x86_64' ? /aarch64|arm64/ : /x86_64|amd64|x64/;
        expect(url).not.toMatch(other);
      }
    },
  );

  it.for([...bundleCases, ...aiCases])('$label pipes nothing into a shell', ({ plan }, { expect }) => {
    for (const { argv } of plan.commands) {
      if (argv[0] === 'sh') expect(argv.slice(3, 5)).toEqual(['write-launcher', 'google-java-format']);
      else {
        expect(argv.join(' ')).not.toMatch(/[|;&<>$`]/);
        expect(argv.filter((word) => /(^|[/])(ba|da)?sh$|^(curl|wget|eval|-c)$/.test(word))).toEqual([]);
      }
    }
  });

  it.for(bundleCases)('$label has all that people expect', ({ plan, label }, { expect }) => {
    const definition = bundles.find(({ name }) => name === plan.name)!;
    const { tools } = definition.content({
      release: definition.releases.find(({ exact }) => exact === plan.version)!,
      arch: 'x86_64',
      distribution: label.includes('debian-13') ? 'debian-13' : 'debian-12',
    });
    const kinds = new Set(tools.map(({ kind }) => kind));
    // jdtls does not run on Java 17.
    const without = label.startsWith('java@17') ? ['language server'] : [];
    const expected = ['language server', 'linter', 'formatter', 'debugger'];
    // Ruby's linter is its formatter too.
    const elsewhere = plan.name === 'ruby' ? ['formatter'] : without;
    expect(expected.filter((kind) => !kinds.has(kind as 'linter') && !elsewhere.includes(kind))).toEqual([]);
  });

  it('has one checksum for one URL, and another for the other processor', ({ expect }) => {
    const all = [...bundleCases, ...aiCases].flatMap(({ plan }) => plan.archives);
    const byUrl = new Map(all.map(({ url, sha256 }) => [url, sha256]));
    for (const { url, sha256 } of all) expect(byUrl.get(url)).toBe(sha256);
    expect(new Set(byUrl.values()).size).toBe(byUrl.size);
  });

  it('pins every package of npm but the AI tools', ({ expect }) => {
    for (const { plan } of bundleCases) {
      for (const spec of [...plan.npmPackages, ...(plan.optionalNpmPackages ?? [])])
        expect(spec).toMatch(/^@?[a-z/-]+@\d+\.\d+\.\d+$/);
    }
  });

  it('has its tools from npm only where Node comes with it', ({ expect }) => {
    for (const { plan } of bundleCases) {
      if (plan.npmPackages.length > 0) expect(plan.name).toBe('node');
    }
  });
});

describe('planBundles', () => {
  const target = { arch: 'x86_64' } as const;

  it('takes the version as it is wished for', ({ expect }) => {
    const versions = (wishes: [string, string | null][]) =>
      planBundles(
        wishes.map(([name, version]) => ({ name, version })),
        target,
      ).map(({ name, version }) => `${name} ${version}`);
    expect(
      versions([
        ['node', '22'],
        ['go', null],
        ['java', 'lts'],
        ['zig', 'v0.15.2'],
      ]),
    ).toEqual(['node 22.23.1', 'go 1.26.4', 'java 25.0.4.1+1', 'zig 0.15.2']);
  });

  it('has the distribution choose where it keeps one up to date', ({ expect }) => {
    const of = (distribution: 'debian-12' | 'debian-13') =>
      planBundles([{ name: 'python', version: null }], { ...target, distribution })[0]?.version;
    expect([of('debian-12'), of('debian-13')]).toEqual(['3.11', '3.13']);
  });

  it.for([
    ['node', '25', 'node@24'],
    ['node', '18.2.1', 'node@22'],
    ['go', '1.24', 'go@1.25'],
    ['python', '2', 'python@3.10'],
    ['rust', 'stabel', 'rust@stable'],
    ['cpp', '18', 'cpp@19'],
  ] as const)('refuses %s@%s, and names the closest', ([name, version, closest], { expect }) => {
    const error = errorOf(() => planBundles([{ name, version }], target));
    expect(error.code).toBe('config');
    expect(error.message).toBe(`the bundle ${name} has no version ${JSON.stringify(version)}`);
    expect(error.hints[0]).toBe(`the closest is ${closest}`);
    expect(error.hints[1]).toMatch(/^there are: .*\d/);
  });

  it('refuses a bundle that there is none of, and names the one that was meant', ({ expect }) => {
    const error = errorOf(() => planBundles([{ name: 'pyhton', version: null }], target));
    expect(error.hints).toEqual([
      'did you mean python?',
      'there are: rust, go, python, node, elixir, java, zig, cpp, ruby',
    ]);
  });

  it('takes one wish twice as one, and two versions as a mistake', ({ expect }) => {
    const node = (version: string | null) => ({ name: 'node', version });
    expect(planBundles([node('24'), node(null)], target)).toHaveLength(1);
    expect(errorOf(() => planBundles([node('22'), node('24')], target)).hints).toEqual([
      'keep one of them: node@22.23.1 or node@24.18.0',
    ]);
  });

  it('for any wishes: plans for each, or one error that says what there is', ({ expect }) => {
    const version = fc.oneof(
      fc.constant(null),
      fc.constantFrom(...bundles.flatMap(({ releases }) => releases.map((release) => release.version))),
      fc.string({ maxLength: 12 }),
    );
    const name = fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom<string>(...bundleNames) },
      { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
    );
    const wishes = fc.array(fc.record({ name, version }), { maxLength: 6 });
    fc.assert(
      fc.property(
        wishes,
        fc.constantFrom(...arches),
        fc.constantFrom(...distributions),
        (given, arch, distribution) => {
          try {
            const plans = planBundles(given, { arch, distribution });
            expect(new Set(plans.map(({ name: one }) => one))).toEqual(
              new Set(given.map((wish) => wish.name)),
            );
            for (const plan of plans) expect(() => bundlePlan.parse(plan)).not.toThrow();
          } catch (error) {
            if (!(error instanceof SpuffError)) throw error;
            expect(error.code).toBe('config');
            expect(error.hints.length).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});

describe('planAiTools', () => {
  const target = { arch: 'x86_64', hasNode: false } as const;

  it('installs all, none, or those that are named', ({ expect }) => {
    const names = (wish: 'all' | 'none' | string[]) => planAiTools(wish, target).map(({ name }) => name);
    expect(names('all')).toEqual(aiToolNames);
    expect(names('none')).toEqual([]);
    expect(names(['codex', 'codex'])).toEqual(['codex']);
  });

  it('brings Node where there is none', ({ expect }) => {
    const archives = (hasNode: boolean) =>
      planAiTools(['codex'], { ...target, hasNode })[0]?.archives.map(({ url }) => url);
    expect(archives(false)).toEqual(['https://nodejs.org/dist/v24.18.0/node-v24.18.0-linux-x64.tar.gz']);
    expect(archives(true)).toEqual([]);
  });

  it('takes the newest unless a version is given', ({ expect }) => {
    const packages = planAiTools(['codex@0.171.0', 'opencode'], target).flatMap((plan) => plan.npmPackages);
    expect(packages).toEqual(['@openai/codex@0.171.0', 'opencode-ai@latest']);
  });

  it.for([
    ['codx', 'did you mean codex?'],
    ['codex@next || rm', 'write the whole version: codex@1.2.3'],
    ['codex@npm:evil', 'write the whole version: codex@1.2.3'],
  ] as const)('refuses %s', ([name, hint], { expect }) => {
    expect(errorOf(() => planAiTools([name], target)).hints[0]).toBe(hint);
  });

  it('never runs the scripts of a package', ({ expect }) => {
    const steps = planAiTools('all', target).flatMap(planBundleSteps);
    const npm = steps.filter(({ argv }) => argv[0] === 'npm');
    expect(npm).toHaveLength(aiToolNames.length);
    for (const { argv } of npm) expect(argv).toContain('--ignore-scripts');
  });
});

function errorOf(act: () => unknown): SpuffError {
  try {
    act();
  } catch (error) {
    if (error instanceof SpuffError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
