/** The parts that read what a directory says: its project, its policies, its guard. */
import type { AppContext } from '../app/context.ts';
import { SpuffError } from '../domain/errors.ts';
import type { PolicyRule } from '../domain/policy.ts';
import { guardedPaths } from './guarded-paths.ts';
import { once, onceEach } from './once.ts';

export function composeProject(): Pick<AppContext, 'project' | 'projectFiles' | 'trust' | 'mounts'> {
  const projectFiles = once(async () => {
    const { openProjectFiles } = await import('../state/project-files.ts');
    return openProjectFiles();
  });
  const readAt = onceEach(async (path) => (await projectFiles()).read(path));
  return {
    projectFiles,
    trust: once(async () => {
      const { openTrustStore } = await import('../state/trust-files.ts');
      return openTrustStore(guardedPaths());
    }),
    mounts: once(async () => {
      const { openMountTable } = await import('../lib/mount-table.ts');
      return openMountTable();
    }),
    project: async (directory = currentDirectory()) => {
      const files = await projectFiles();
      const path = files.find(directory);
      return path === null ? files.readContainer(directory) : readAt(path);
    },
  };
}

export async function readPolicyIn(directory: string): Promise<PolicyRule[]> {
  const { readPolicy, systemPolicyPath } = await import('../state/policy-files.ts');
  return readPolicy({ directory, systemPath: systemPolicyPath, systemOwner: 0 });
}

export function composeGuard(home: string): Pick<AppContext, 'guardPolicy' | 'guardFile' | 'guardControl'> {
  return {
    guardPolicy: async (directory) => {
      const { readGuardPolicy } = await import('../state/guard-files.ts');
      const own = await readGuardPolicy({ home: guardedPaths().home, directory });
      const rules = await readPolicyIn(directory);
      if (rules.length === 0) return own;
      const { narrowGuard } = await import('../app/narrow-guard.ts');
      return narrowGuard(own, rules);
    },
    guardFile: once(async () => {
      const { openGuardFile } = await import('../state/guard-file-editor.ts');
      return openGuardFile(guardedPaths().home);
    }),
    guardControl: once(async () => {
      const { tellGuards } = await import('../ssh/guard/control-client.ts');
      const { findKnownHostKeys } = await import('../ssh/known-host-keys.ts');
      const { homedir } = await import('node:os');
      guardedPaths();
      return {
        tell: (operation, keys) => tellGuards(home, operation, keys),
        findHostKeys: (host) => findKnownHostKeys(homedir(), host),
      };
    }),
  };
}

export function currentDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new SpuffError('usage', 'the directory that you are in is gone', {
      hints: ['cd to another one'],
      cause: error,
    });
  }
}
