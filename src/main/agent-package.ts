import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentPackage } from '../app/context.ts';
import { type MachineArch, pinnedRuntimes } from '../bootstrap/agent-runtime.ts';
import { spuffVersion } from '../protocol/version.ts';

export interface PackageFolders {
  /** Where the bundles are. */
  dist: string;
  /** `SPUFF_HOME`. */
  home: string;
}

/** The agent that was built with this CLI, and the runtime that it is pinned to. */
export function openAgentPackage(folders: PackageFolders): AgentPackage {
  const bundlePath = join(folders.dist, 'agent.cjs');
  return {
    version: spuffVersion,
    bundlePath,
    bundleSha256: createHash('sha256').update(readFileSync(bundlePath)).digest('hex'),
    rescuePath: join(folders.dist, 'rescue.cjs'),
    runtime: (arch) => ({ sha256: pinnedRuntimes[arch].sha256, locate: () => locateRuntime(arch, folders) }),
  };
}

/** Where the runtime lies on a machine; the base image carries it, so that `up` need not upload it. */
export function runtimePathOnMachine(sha256: string): string {
  return `/usr/lib/spuff/runtime/${sha256}/node`;
}

export function localArch(): MachineArch {
  return process.arch === 'arm64' ? 'arm64' : 'x86_64';
}

/** The runtime as a file on this machine, verified; from the packages beside spuff, its cache, or npm. */
export async function locateRuntime(arch: MachineArch, { dist, home }: PackageFolders): Promise<string> {
  const { findRuntime } = await import('../bootstrap/agent-runtime.ts');
  const { runProcess } = await import('../lib/process.ts');
  const { path } = await findRuntime(arch, {
    // In a checkout the packages lie beside `dist`; installed, spuff lies among them.
    packageFolders: [join(dist, '..', 'node_modules'), join(dist, '..', '..')],
    cacheFolder: join(home, 'cache', 'runtime'),
    runProgram: (argv, options) => runProcess(argv, options),
  });
  return path;
}
