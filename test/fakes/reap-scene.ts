/** A reaper over a provider, with a state that may be empty: for tests of what it destroys and what it keeps. */
import type { AppContext } from '../../src/app/context.ts';
import { reapOnce } from '../../src/app/reap.ts';
import type { ReapReport, ReapRequest } from '../../src/app/reap-run.ts';
import { silentProgress } from '../../src/domain/progress.ts';
import type { Provider, Runtime } from '../../src/domain/provider.ts';
import { defaultSettings } from '../../src/domain/settings.ts';
import type { Ssh } from '../../src/domain/ssh.ts';
import type { StateStore } from '../../src/domain/state.ts';
import { MemoryState } from './memory-state.ts';

export interface ReapScene {
  state: MemoryState;
  context: AppContext;
  /** Keys whose host keys and sockets were forgotten. */
  forgotten: string[];
  reap(change?: Partial<ReapRequest>): Promise<ReapReport>;
  /** Of each machine: its name, what became of it and why. */
  outcomes(change?: Partial<ReapRequest>): Promise<string[]>;
}

export function makeReapScene(provider: Provider, runtime: Runtime, store?: StateStore): ReapScene {
  const state = new MemoryState();
  const forgotten: string[] = [];
  const ssh = {
    disconnect: async () => undefined,
    forget: async (key: string) => void forgotten.push(key),
  } as unknown as Ssh;
  const context = {
    ...{ home: '/home/someone/.spuff', directory: '/projects/here', runtime, progress: silentProgress },
    signal: new AbortController().signal,
    mayAsk: false,
    settings: async () => ({ ...defaultSettings, provider: provider.id }),
    project: async () => null,
    state: async () => store ?? state,
    ssh: async () => ssh,
    mounts: async () => ({ list: async () => [] }),
    provider: async () => provider,
  } as unknown as AppContext;
  const reap: ReapScene['reap'] = (change = {}) =>
    reapOnce(context, { providers: null, owner: null, dryRun: false, ...change });
  return {
    ...{ state, context, forgotten, reap },
    outcomes: async (change) =>
      (await reap(change)).machines.map(({ name, outcome, why }) => `${name}: ${outcome}, ${why}`).sort(),
  };
}
