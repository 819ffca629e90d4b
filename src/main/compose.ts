/** Puts the parts together. Nothing here does any work before it is asked for. */
import { homedir } from 'node:os';
import type { AppContext } from '../app/context.ts';
import type { HomeCare } from '../app/doctor.ts';
import type { TimerHost } from '../app/reaper-timer.ts';
import { createQuestions } from '../cli/ask.ts';
import type { CliServices, ContextParts } from '../cli/cli.ts';
import type { AuditLog } from '../domain/audit.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { PolicyRule } from '../domain/policy.ts';
import type { Progress } from '../domain/progress.ts';
import type { ProviderId } from '../domain/provider.ts';
import type { Ssh } from '../domain/ssh.ts';
import type { StateStore } from '../domain/state.ts';
import { systemRuntime } from '../lib/clock.ts';
import { loadProcessTable } from '../lib/process-identity.ts';
import { protocolVersion, spuffVersion } from '../protocol/version.ts';
import { openAuditLog } from '../state/audit-log.ts';
import { findHome, guardHome, type HomePaths, homePaths } from '../state/home.ts';
import { incidentServices } from './incident-services.ts';
import { logTraces } from './log-traces.ts';
import { ownProgram } from './own-program.ts';
import { credentialVariables, providers } from './providers.ts';
import type { StopSignals } from './signals.ts';

/** The parts, and their end. */
export interface Composition {
  services: CliServices;
  /** The instances that this process is at work on: what is left of them when it ends now is not known. */
  unfinished(): readonly Instance[];
  /** Lets go of what was opened. Synchronous, so that it can be the last thing that the process does. Never fails. */
  close(): void;
}

/** @param stop what ends the program: a session on a machine gets the signals instead */
export function compose(stop: StopSignals): Composition {
  const opened: Opened = { stores: [], logs: [] };
  const close = () => {
    for (const part of [...opened.stores.splice(0), ...opened.logs.splice(0)]) {
      try {
        part.close();
      } catch {
        // All that was changed is on the disk already.
      }
    }
  };
  const unfinished = () => opened.stores.flatMap((store) => findOwnWork(store));
  return { services: composeServices(stop, opened), unfinished, close };
}

interface Opened {
  stores: StateStore[];
  logs: AuditLog[];
}

/** Whoever asks is about to end, so a state that can't be read is none. */
function findOwnWork(store: StateStore): Instance[] {
  try {
    return store.listInstances().filter(({ key }) => {
      const operation = store.findOperation(key);
      return operation?.ownerAlive && operation.owner.pid === process.pid;
    });
  } catch {
    return [];
  }
}

function composeServices(stop: StopSignals, opened: Opened): CliServices {
  return {
    version: spuffVersion,
    protocol: protocolVersion,
    providerIds: Object.keys(providers),
    questions: createQuestions(process.stderr),
    openHomeCare,
    openConfig: async () => {
      const { openConfigFile } = await import('../state/config-file.ts');
      return openConfigFile(guardedPaths().config);
    },
    openOwnKeys: async () => {
      const { createOwnKeyStore } = await import('../ssh/own-key-store.ts');
      return createOwnKeyStore({ home: guardedPaths().home, runtime: systemRuntime });
    },
    createContext: (parts) => composeContext(parts, stop, opened),
    program: ownProgram,
    credentialVariables: (provider) => credentialVariables[provider] ?? [],
    ...incidentServices(() => guardedPaths().incidents),
    openTimerHost,
    reapInBackground: async (context) => {
      const { reapInBackground } = await import('./background-reaper.ts');
      await reapInBackground(context, process.env);
    },
    startBackgroundTunnel: async (which, args) => {
      const { startBackgroundTunnel } = await import('./background-tunnel.ts');
      return startBackgroundTunnel(guardedPaths(), which, args);
    },
    reportBug,
  };
}

/** The paths of a home that may be used: `guardHome` comes before all that is opened in it. */
function guardedPaths(): HomePaths {
  const paths = homePaths(findHome());
  guardHome(paths);
  return paths;
}

async function reportBug(error: unknown, argv: readonly string[]): Promise<string | null> {
  const { writeCrashReport } = await import('../lib/crash-report.ts');
  try {
    return writeCrashReport({ directory: guardedPaths().reports, error, argv, version: spuffVersion });
  } catch {
    // A home that may not be used: the bug matters more.
    return null;
  }
}

async function openHomeCare(): Promise<HomeCare> {
  const paths = homePaths(findHome());
  const { ensureHome } = await import('../state/home.ts');
  const { repairHome } = await import('../state/repair-home.ts');
  const { checkState, recoverState } = await import('../state/recover-state.ts');
  return {
    closeToOthers: () => {
      ensureHome(paths);
      return repairHome(paths.home).map(({ path }) => path);
    },
    checkState: () => checkState(paths.state),
    recoverState: () => recoverState(paths.state),
  };
}

async function openTimerHost(): Promise<TimerHost> {
  const { runProcess } = await import('../lib/process.ts');
  return {
    platform: process.platform,
    userHome: homedir(),
    env: process.env,
    userId: process.getuid?.() ?? -1,
    run: (argv, stdin) => runProcess(argv, { timeoutMs: 30_000, ...(stdin !== undefined && { stdin }) }),
  };
}

function composeContext(
  { progress, signal, mayAsk }: ContextParts,
  stop: StopSignals,
  opened: Opened,
): AppContext {
  const home = findHome();
  const audit = composeAudit(progress, home);
  opened.logs.push(audit);
  const dist = import.meta.dirname;
  const context: AppContext = {
    home,
    directory: currentDirectory(),
    signal,
    progress: logTraces(progress, homePaths(home)),
    mayAsk,
    audit,
    runtime: systemRuntime,
    settings: once(async () => {
      const { readSettings } = await import('../state/settings.ts');
      return readSettings(guardedPaths().config);
    }),
    state: once(async () => {
      const store = await openState(guardedPaths(), audit);
      opened.stores.push(store);
      return store;
    }),
    tunnels: once(async () => {
      const { openTunnelStore } = await import('../state/tunnel-store.ts');
      return openTunnelStore({ run: guardedPaths().run, processes: await loadProcessTable() });
    }),
    ssh: once(async () => {
      const { createOpenSsh } = await import('../ssh/open-ssh.ts');
      const { recordSsh } = await import('../app/record-ssh.ts');
      guardedPaths();
      const ssh = createOpenSsh({ home, runtime: systemRuntime, mayAsk, audit });
      return recordSsh(holdSignals(ssh, stop), audit);
    }),
    provider: onceEach(async (id: ProviderId) => {
      const build = providers[id];
      const { recordProvider } = await import('../app/record-provider.ts');
      guardedPaths();
      if (build) return recordProvider(await build(context), audit);
      throw new SpuffError('config', `there is no provider ${JSON.stringify(id)}`, {
        hints: [`there are: ${Object.keys(providers).join(', ')}`],
      });
    }),
    agentPackage: once(async () => {
      const { openAgentPackage } = await import('./agent-package.ts');
      guardedPaths();
      return openAgentPackage({ dist, home });
    }),
    rescues: once(async () => {
      const { openRescueStore } = await import('../state/rescue-files.ts');
      return openRescueStore(guardedPaths(), systemRuntime);
    }),
    ...composeProject(),
    policy: readPolicyIn,
    ...composeGuard(home),
  };
  return context;
}

function composeProject(): Pick<AppContext, 'project' | 'projectFiles'> {
  const projectFiles = once(async () => {
    const { openProjectFiles } = await import('../state/project-files.ts');
    return openProjectFiles();
  });
  const readAt = onceEach(async (path) => (await projectFiles()).read(path));
  return {
    projectFiles,
    project: async (directory = currentDirectory()) => {
      const path = (await projectFiles()).find(directory);
      return path === null ? null : readAt(path);
    },
  };
}

async function readPolicyIn(directory: string): Promise<PolicyRule[]> {
  const { readPolicy, systemPolicyPath } = await import('../state/policy-files.ts');
  return readPolicy({ directory, systemPath: systemPolicyPath, systemOwner: 0 });
}

function composeGuard(home: string): Pick<AppContext, 'guardPolicy' | 'guardFile' | 'guardControl'> {
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

async function openState(paths: HomePaths, audit: AuditLog): Promise<StateStore> {
  const { openStateLazily } = await import('../state/lazy-state-store.ts');
  return openStateLazily({ path: paths.state, processes: await loadProcessTable(), audit });
}

function composeAudit(progress: Progress, home: string): AuditLog {
  const paths = homePaths(home);
  return openAuditLog({
    ...{ directory: paths.log, headPath: paths.auditHead, runtime: systemRuntime },
    onLost: (error) => {
      const why = error instanceof Error ? error.message : String(error);
      const hints = error instanceof SpuffError ? error.hints : [];
      progress.warn(`what is done now is NOT written to the local log: ${why}`, hints);
    },
  });
}

/** A session passes signals on to the machine, and ends when what runs there does. */
function holdSignals(ssh: Ssh, stop: StopSignals): Ssh {
  return { ...ssh, openSession: (...session) => stop.holdDuring(() => ssh.openSession(...session)) };
}

function currentDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new SpuffError('usage', 'the directory that you are in is gone', {
      hints: ['cd to another one'],
      cause: error,
    });
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function onceEach<T>(make: (id: string) => Promise<T>): (id: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (id) => {
    const known = made.get(id) ?? make(id);
    made.set(id, known);
    return known;
  };
}
