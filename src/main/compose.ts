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
import type { Progress } from '../domain/progress.ts';
import type { ProviderId } from '../domain/provider.ts';
import type { Ssh } from '../domain/ssh.ts';
import type { StateStore } from '../domain/state.ts';
import { systemRuntime } from '../lib/clock.ts';
import { loadProcessTable } from '../lib/process-identity.ts';
import { protocolVersion, spuffVersion } from '../protocol/version.ts';
import { openAuditLog } from '../state/audit-log.ts';
import { findHome, type HomePaths, homePaths } from '../state/home.ts';
import { composeGuard, composeProject, currentDirectory, readPolicyIn } from './compose-project.ts';
import { guardedPaths } from './guarded-paths.ts';
import { incidentServices } from './incident-services.ts';
import { logTraces } from './log-traces.ts';
import { once, onceEach } from './once.ts';
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
