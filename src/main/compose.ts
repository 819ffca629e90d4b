/** Puts the parts together. Nothing here does any work before it is asked for. */
import { homedir } from 'node:os';
import type { AppContext } from '../app/context.ts';
import type { HomeCare } from '../app/doctor.ts';
import { createQuestions } from '../cli/ask.ts';
import type { CliServices, ContextParts } from '../cli/cli.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Provider, ProviderId } from '../domain/provider.ts';
import type { Ssh } from '../domain/ssh.ts';
import { systemRuntime } from '../lib/clock.ts';
import { protocolVersion, spuffVersion } from '../protocol/version.ts';
import { findHome, homePaths } from '../state/home.ts';
import type { StopSignals } from './signals.ts';

type ProviderBuilder = (context: AppContext) => Promise<Provider>;

/** The only place that knows which providers there are. */
const providers: Readonly<Record<ProviderId, ProviderBuilder>> = {
  local: async ({ home, runtime, settings }) => {
    const { createLocalProvider } = await import('../providers/local/local-provider.ts');
    const { baseImageFiles } = await import('./base-image-files.ts');
    const { engineSocket } = await settings();
    return createLocalProvider({
      runtime,
      home,
      engineSocket,
      env: process.env,
      userHome: homedir(),
      extraFiles: baseImageFiles({ dist: import.meta.dirname, home }),
    });
  },
};

/** @param stop what ends the program: a session on a machine gets the signals instead */
export function composeServices(stop: StopSignals): CliServices {
  return {
    version: spuffVersion,
    protocol: protocolVersion,
    providerIds: Object.keys(providers),
    questions: createQuestions(process.stderr),
    openHomeCare,
    openConfig: async () => {
      const { openConfigFile } = await import('../state/config-file.ts');
      return openConfigFile(homePaths(findHome()).config);
    },
    createLoginKey: async (passphrase) => {
      const { createOwnKey } = await import('../ssh/own-key.ts');
      return createOwnKey(findHome(), passphrase);
    },
    createContext: (parts) => composeContext(parts, stop),
    reportBug: async (error, argv) => {
      const { writeCrashReport } = await import('../lib/crash-report.ts');
      const directory = homePaths(findHome()).reports;
      return writeCrashReport({ directory, error, argv, version: spuffVersion });
    },
  };
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

function composeContext({ progress, signal, mayAsk }: ContextParts, stop: StopSignals): AppContext {
  const home = findHome();
  const paths = homePaths(home);
  const context: AppContext = {
    home,
    directory: currentDirectory(),
    signal,
    progress,
    runtime: systemRuntime,
    settings: once(async () => {
      const { readSettings } = await import('../state/settings.ts');
      return readSettings(paths.config);
    }),
    state: once(async () => {
      const { openStateStore } = await import('../state/state-store.ts');
      return openStateStore({ path: paths.state });
    }),
    ssh: once(async () => {
      const { createOpenSsh } = await import('../ssh/open-ssh.ts');
      return holdSignals(createOpenSsh({ home, runtime: systemRuntime, mayAsk }), stop);
    }),
    provider: onceEach(async (id: ProviderId) => {
      const build = providers[id];
      if (build) return build(context);
      throw new SpuffError('config', `there is no provider ${JSON.stringify(id)}`, {
        hints: [`there are: ${Object.keys(providers).join(', ')}`],
      });
    }),
    agentPackage: once(async () => {
      const { openAgentPackage } = await import('./agent-package.ts');
      return openAgentPackage({ dist: import.meta.dirname, home });
    }),
  };
  return context;
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
