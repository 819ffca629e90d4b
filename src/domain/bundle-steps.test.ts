import { describe, it } from 'vitest';
import type { BundleArchive, BundlePlan } from './bundle-plan.ts';
import { planBundleSteps, updateAptStep } from './bundle-steps.ts';

const archive: BundleArchive = {
  url: 'https://example.org/tool-1.tar.xz',
  sha256: 'ab'.repeat(32),
  format: 'tar.xz',
  stripComponents: 1,
  target: '/opt/bundles/tool',
  links: { tool: 'bin/tool', other: 'bin/other' },
};

function makePlan(change: Partial<BundlePlan>): BundlePlan {
  return {
    name: 'node',
    version: '1',
    aptPackages: [],
    archives: [],
    npmPackages: [],
    commands: [],
    checks: [],
    ...change,
  };
}

describe('planBundleSteps', () => {
  it('installs packages, then archives, then what comes from npm, then runs commands', ({ expect }) => {
    const steps = planBundleSteps(
      makePlan({
        aptPackages: ['gdb'],
        optionalAptPackages: ['bear', 'ccache'],
        archives: [archive],
        npmPackages: ['a@1.0.0'],
        optionalNpmPackages: ['b@1.0.0'],
        commands: [{ argv: ['rustup', 'default', 'stable'], asUser: true, required: true, env: { A: 'b' } }],
      }),
    );
    expect(steps.map(({ title, required, asUser }) => [title, required, asUser])).toEqual([
      ['4 packages', true, false],
      ['package bear', false, false],
      ['package ccache', false, false],
      ['download https://example.org/tool-1.tar.xz', true, false],
      ['npm package a@1.0.0', true, false],
      ['npm package b@1.0.0', false, false],
      ['rustup default stable', true, true],
    ]);
    expect(steps[0]?.argv.slice(-5)).toEqual(['--', 'gdb', 'ca-certificates', 'curl', 'xz-utils']);
    expect(steps.at(-1)?.env).toEqual({ A: 'b' });
  });

  it('has nothing to do for a plan of nothing', ({ expect }) => {
    expect(planBundleSteps(makePlan({}))).toEqual([]);
  });

  it('fetches with what the archive needs, and no more', ({ expect }) => {
    const packagesFor = (format: BundleArchive['format']) =>
      planBundleSteps(makePlan({ archives: [{ ...archive, format }] }))[0]?.argv.slice(-3);
    expect(packagesFor('zip')).toEqual(['ca-certificates', 'curl', 'unzip']);
    expect(packagesFor('tar.gz')).toEqual(['--', 'ca-certificates', 'curl']);
  });

  it('gives the script what differs as arguments', ({ expect }) => {
    const [, step] = planBundleSteps(makePlan({ archives: [{ ...archive, required: false }] }));
    expect(step?.required).toBe(false);
    expect(step?.argv.slice(0, 2)).toEqual(['sh', '-c']);
    expect(step?.argv.slice(3)).toEqual([
      ...['install-archive', archive.url, archive.sha256, 'tar.xz', '1', '/opt/bundles/tool'],
      ...['tool', 'bin/tool', 'other', 'bin/other'],
    ]);
    for (const given of [archive.url, archive.target]) expect(step?.argv[2]).not.toContain(given);
  });

  it('asks dpkg nothing, and waits for its lock', ({ expect }) => {
    for (const { argv, env } of [updateAptStep, ...planBundleSteps(makePlan({ aptPackages: ['gdb'] }))]) {
      expect(argv).toContain('DPkg::Lock::Timeout=300');
      expect(env['DEBIAN_FRONTEND']).toBe('noninteractive');
    }
  });
});
