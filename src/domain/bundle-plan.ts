/**
 * A runtime or a tool and what comes with it, as data: what a machine does to install it needs no knowledge of it. The
 * schema that a machine checks it with is `bundlePlan` of the protocol.
 */

/** Those that the names and versions of packages are known of. */
export const distributions = ['debian-12', 'debian-13'] as const;
export type Distribution = (typeof distributions)[number];

export interface BundleArchive {
  /** https only, and so is whatever it redirects to. */
  url: string;
  /** In hex; a file with another is not unpacked. */
  sha256: string;
  /** `file`: no archive, but one program, which keeps the last part of the URL as its name. */
  format: 'tar.gz' | 'tar.xz' | 'zip' | 'file';
  stripComponents: number;
  /** Where it is unpacked; a folder that is made anew. */
  target: string;
  /** Links in /usr/local/bin: name, and path below the target. */
  links: Record<string, string>;
  /** Without it only tools are missing that are no loss. Left out: it is required. */
  required?: boolean | undefined;
}

export interface BundleCommand {
  argv: string[];
  /** As the login user, in their home; else as root. */
  asUser: boolean;
  required: boolean;
  env: Record<string, string>;
}

/** Told apart: without a required tool the bundle has failed, without an optional one it says so. */
export interface ToolCheck {
  tool: string;
  /** Answers with the version and 0, run as the login user. */
  argv: string[];
  required: boolean;
}

export interface BundlePlan {
  name: string;
  /** null: whatever the distribution has. */
  version: string | null;
  aptPackages: string[];
  /** Those that a release of the distribution may be without. */
  optionalAptPackages?: string[] | undefined;
  archives: BundleArchive[];
  /** `name@version`, installed globally with the machine's npm, without running the packages' scripts. */
  npmPackages: string[];
  optionalNpmPackages?: string[] | undefined;
  /** Run one after the other, after all else is installed. */
  commands: BundleCommand[];
  checks: ToolCheck[];
}
