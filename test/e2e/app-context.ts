import { join } from 'node:path';
import type { AppContext } from '../../src/app/context.ts';
import { silentProgress } from '../../src/domain/progress.ts';
import { defaultSettings } from '../../src/domain/settings.ts';
import type { StateStore } from '../../src/domain/state.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { openMountTable } from '../../src/lib/mount-table.ts';
import { loadProcessTable } from '../../src/lib/process-identity.ts';
import { openAgentPackage } from '../../src/main/agent-package.ts';
import { tellGuards } from '../../src/ssh/guard/control-client.ts';
import { createOpenSsh } from '../../src/ssh/open-ssh.ts';
import { openGuardFile } from '../../src/state/guard-file-editor.ts';
import { readGuardPolicy } from '../../src/state/guard-files.ts';
import { homePaths } from '../../src/state/home.ts';
import { openProjectFiles } from '../../src/state/project-files.ts';
import { openRescueStore } from '../../src/state/rescue-files.ts';
import { openTrustStore } from '../../src/state/trust-files.ts';
import { openTunnelStore } from '../../src/state/tunnel-store.ts';
import { makeAuditScene } from '../fakes/sample-audit.ts';
import { openProvider } from '../machine/lab.ts';

/** The real parts, put together as the CLI does, over a state of the test's own. */
export function makeAppContext(home: string, state: StateStore): AppContext {
  const provider = openProvider();
  const audit = makeAuditScene(home).open();
  const ssh = createOpenSsh({ home, runtime: systemRuntime, mayAsk: false, audit });
  const dist = join(import.meta.dirname, '..', '..', 'dist');
  return {
    home,
    directory: home,
    signal: new AbortController().signal,
    runtime: systemRuntime,
    progress: silentProgress,
    mayAsk: false,
    audit,
    settings: async () => defaultSettings,
    project: async () => null,
    projectFiles: async () => openProjectFiles(),
    mounts: async () => openMountTable(),
    trust: async () => openTrustStore(homePaths(home)),
    state: async () => state,
    tunnels: async () => openTunnelStore({ run: homePaths(home).run, processes: await loadProcessTable() }),
    ssh: async () => ssh,
    provider: async () => provider,
    rescues: async () => openRescueStore(homePaths(home), systemRuntime),
    agentPackage: async () => openAgentPackage({ dist, home }),
    policy: async () => [],
    guardPolicy: (directory) => readGuardPolicy({ home, directory }),
    guardFile: () => openGuardFile(home),
    guardControl: async () => ({
      tell: (operation, keys) => tellGuards(home, operation, keys),
      findHostKeys: async () => [],
    }),
  };
}
