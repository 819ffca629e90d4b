/** What the wishes of a project for bundles and AI tools come to on one machine, as plans that it can carry out. */
import { type AiToolName, aiToolNames, bundleNames } from '../domain/bundle-names.ts';
import type { BundlePlan, Distribution } from '../domain/bundle-plan.ts';
import { SpuffError } from '../domain/errors.ts';
import type { BundleWish } from '../domain/project.ts';
import { findClosestName } from '../lib/closest-name.ts';
import { type AiToolDefinition, aiTools } from './bundles/ai-tools.ts';
import type { BundleArch, BundleDefinition, BundleRelease } from './bundles/bundle-definition.ts';
import { cpp } from './bundles/cpp.ts';
import { elixir } from './bundles/elixir.ts';
import { go } from './bundles/go.ts';
import { java } from './bundles/java.ts';
import { defaultNodeVersion, node, nodeArchive } from './bundles/node.ts';
import { python } from './bundles/python.ts';
import { ruby } from './bundles/ruby.ts';
import { rust } from './bundles/rust.ts';
import { zig } from './bundles/zig.ts';
import { closestVersion } from './closest-version.ts';

export interface BundleTarget {
  arch: BundleArch;
  /** Without it Debian 12, which machines start from unless told otherwise. */
  distribution?: Distribution;
}

export const bundles: readonly BundleDefinition[] = [rust, go, python, node, elixir, java, zig, cpp, ruby];

/**
 * One plan a bundle, in the order of the wishes; a wish that is there twice counts once.
 * @throws SpuffError `config` for a bundle or version that there is none of, naming those that there are, and for two
 * versions of one bundle
 */
export function planBundles(wishes: readonly BundleWish[], target: BundleTarget): BundlePlan[] {
  const plans = new Map<string, BundlePlan>();
  for (const wish of wishes) {
    const plan = planBundle(wish, target);
    const other = plans.get(wish.name);
    if (other !== undefined && other.version !== plan.version) {
      throw new SpuffError('config', `the bundle ${wish.name} is wished for in two versions`, {
        hints: [`keep one of them: ${wish.name}@${other.version} or ${wish.name}@${plan.version}`],
      });
    }
    plans.set(wish.name, plan);
  }
  return [...plans.values()];
}

function planBundle(wish: BundleWish, target: BundleTarget): BundlePlan {
  const distribution = target.distribution ?? 'debian-12';
  const definition = findDefinition(wish.name);
  const release = findRelease(
    definition,
    wish.version ?? definition.defaultVersion[distribution],
    distribution,
  );
  const content = definition.content({ release, arch: target.arch, distribution });
  return {
    name: definition.name,
    version: release.exact,
    aptPackages: [...(content.aptPackages ?? [])],
    optionalAptPackages: [...(content.optionalAptPackages ?? [])],
    archives: [...(content.archives ?? [])],
    npmPackages: [...(content.npmPackages ?? [])],
    optionalNpmPackages: [...(content.optionalNpmPackages ?? [])],
    commands: [...(content.commands ?? [])],
    checks: content.tools.map(({ tool, argv, required }) => ({ tool, argv, required })),
  };
}

function findDefinition(name: string): BundleDefinition {
  const found = bundles.find((definition) => definition.name === name);
  if (found) return found;
  throw noSuchName('bundle', name, bundleNames);
}

/** What there is of a bundle on a distribution. */
export function releasesOn(definition: BundleDefinition, distribution: Distribution): BundleRelease[] {
  return definition.releases.filter(({ on }) => on === undefined || on.includes(distribution));
}

function findRelease(
  definition: BundleDefinition,
  wished: string,
  distribution: Distribution,
): BundleRelease {
  const releases = releasesOn(definition, distribution);
  const version = wished.replace(/^v(?=\d)/, '');
  const found = releases.find(
    (release) =>
      release.version === version || release.exact === version || release.aliases?.includes(version),
  );
  if (found) return found;
  const versions = releases.map((release) => release.version);
  const closest = closestVersion(version, versions);
  throw new SpuffError('config', `the bundle ${definition.name} has no version ${JSON.stringify(wished)}`, {
    hints: [
      ...(closest === null ? [] : [`the closest is ${definition.name}@${closest}`]),
      `there are: ${versions.join(', ')}`,
    ],
  });
}

export interface AiTarget extends BundleTarget {
  /** Whether Node is there already, or is installed by a bundle: else each tool brings it. */
  hasNode: boolean;
}

/**
 * One plan an AI tool. A name may carry a version of its package: `codex@0.171.0`; without one it is the newest that
 * there is when the machine installs it.
 * @throws SpuffError `config` for a tool that there is none of
 */
export function planAiTools(wish: 'all' | 'none' | readonly string[], target: AiTarget): BundlePlan[] {
  const wishes = wish === 'all' ? aiToolNames : wish === 'none' ? [] : [...new Set(wish)];
  const plans = wishes.map((word) => {
    const [name = '', version] = word.split('@');
    return planAiTool(findAiTool(name), version ?? 'latest', target);
  });
  const twice = plans.find(({ name }, at) => plans.findIndex((plan) => plan.name === name) !== at);
  if (twice === undefined) return plans;
  throw new SpuffError('config', `the AI tool ${twice.name} is wished for in two versions`, {
    hints: ['keep one of them'],
  });
}

function planAiTool(tool: AiToolDefinition, version: string, target: AiTarget): BundlePlan {
  if (!/^(latest|\d{1,6}(\.\d{1,6}){2}(-[0-9A-Za-z.-]{1,40})?)$/.test(version)) {
    throw new SpuffError('config', `${JSON.stringify(version)} is no version of ${tool.packageName}`, {
      hints: [`write the whole version: ${tool.name}@1.2.3`, `or none, for the newest: ${tool.name}`],
    });
  }
  return {
    name: tool.name,
    version,
    aptPackages: [],
    archives: target.hasNode ? [] : [nodeArchive(defaultNodeVersion, target.arch)],
    npmPackages: [`${tool.packageName}@${version}`],
    commands: tool.commands(target.arch),
    checks: [{ tool: tool.program, argv: [tool.program, '--version'], required: true }],
  };
}

/** @throws SpuffError `config` naming the tools that there are */
export function findAiTool(name: string): AiToolDefinition {
  const found = aiTools.find((tool) => tool.name === name);
  if (found) return found;
  throw noSuchName('AI tool', name, aiToolNames satisfies readonly AiToolName[]);
}

function noSuchName(what: string, name: string, names: readonly string[]): SpuffError {
  const closest = findClosestName(name, names);
  return new SpuffError('config', `there is no ${what} ${JSON.stringify(name)}`, {
    hints: [...(closest === null ? [] : [`did you mean ${closest}?`]), `there are: ${names.join(', ')}`],
  });
}
