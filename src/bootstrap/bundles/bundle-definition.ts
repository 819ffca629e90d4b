/**
 * The form of a bundle: what there is to choose, and what a choice installs. Everything in this folder is data and
 * chooses by version, processor and distribution alone; what a machine runs for it is in `domain/bundle-steps.ts`.
 */
import type { BundleName } from '../../domain/bundle-names.ts';
import type { BundleArchive, BundleCommand, Distribution } from '../../domain/bundle-plan.ts';

export type BundleArch = 'x86_64' | 'arm64';

export const toolKinds = [
  'runtime',
  'package manager',
  'build',
  'language server',
  'linter',
  'formatter',
  'debugger',
  'tests',
] as const;

export interface BundleTool {
  tool: string;
  kind: (typeof toolKinds)[number];
  /** Where it comes from, for the documentation: a distribution's package, a host, a registry. */
  from: string;
  /** Prints the version, or proves in another way that it runs. */
  argv: string[];
  required: boolean;
}

/** One thing to choose. */
export interface BundleRelease {
  /** As a project's file names it: `24`. */
  version: string;
  /** What that is today: `24.18.0`. The same as `version` where the distribution keeps it up to date. */
  exact: string;
  /** Other names: `lts`. */
  aliases?: readonly string[];
  /** Where it can be had; without it everywhere. */
  on?: readonly Distribution[];
}

export interface BundleChoice {
  release: BundleRelease;
  arch: BundleArch;
  distribution: Distribution;
}

export interface BundleContent {
  aptPackages?: readonly string[];
  /** Each is installed by itself, and may fail. */
  optionalAptPackages?: readonly string[];
  archives?: readonly BundleArchive[];
  npmPackages?: readonly string[];
  optionalNpmPackages?: readonly string[];
  commands?: readonly BundleCommand[];
  tools: readonly BundleTool[];
}

export interface BundleDefinition {
  name: BundleName;
  title: string;
  releases: readonly BundleRelease[];
  /** Which release a wish without a version gets, by distribution. */
  defaultVersion: Readonly<Record<Distribution, string>>;
  /** What is worth knowing besides, in whole sentences. */
  note?: string;
  content(choice: BundleChoice): BundleContent;
}

/** The checksums of one file for both processors, in hex. */
export type Sha256ByArch = Readonly<Record<BundleArch, string>>;

/** Folders of archives: one each, so that a new version replaces the old. */
export const bundleFolder = (name: string): string => `/opt/bundles/${name}`;

/** The same release of the same name everywhere. */
export function everywhere(version: string): Readonly<Record<Distribution, string>> {
  return { 'debian-12': version, 'debian-13': version };
}

export function asRoot(argv: string[], options: Partial<Omit<BundleCommand, 'argv'>> = {}): BundleCommand {
  return { argv, asUser: false, required: true, env: {}, ...options };
}

export function asLoginUser(
  argv: string[],
  options: Partial<Omit<BundleCommand, 'argv'>> = {},
): BundleCommand {
  return { argv, asUser: true, required: true, env: {}, ...options };
}

/** Links whose name on the PATH is their name in the archive's folder. */
export function linksIn(folder: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, folder === '' ? name : `${folder}/${name}`]));
}

const globalModules = '/usr/local/lib/node_modules';

/**
 * Puts the program of the package for this platform on the PATH, in the place of what the main package puts there until
 * its own script has run.
 */
export function linkNativeProgram(
  name: string,
  { packageName, platform, path }: { packageName: string; platform: string; path: string },
): BundleCommand {
  const program = `${globalModules}/${packageName}/node_modules/${platform}/${path}`;
  return asRoot(['ln', '-sfn', program, `/usr/local/bin/${name}`]);
}
