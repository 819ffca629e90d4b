import type { AuditLog } from '../domain/audit.ts';
import type { GuardPolicy } from '../domain/guard.ts';
import type { GuardControl } from '../domain/guard-control.ts';
import type { GuardFileStore } from '../domain/guard-policy.ts';
import type { PolicyRule } from '../domain/policy.ts';
import type { Progress } from '../domain/progress.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { CallOptions, Provider, ProviderId, Runtime } from '../domain/provider.ts';
import type { RescueStore } from '../domain/rescue.ts';
import type { Settings } from '../domain/settings.ts';
import type { Ssh } from '../domain/ssh.ts';
import type { StateStore } from '../domain/state.ts';
import type { TrustStore } from '../domain/trust.ts';
import type { TunnelStore } from '../domain/tunnel.ts';

import type { MountTable } from '../domain/volume.ts';
import type { ProjectFiles } from './project-files.ts';

/** The daemon's code and the runtime it needs on a machine, as files on this machine. */
export interface AgentPackage {
  version: string;
  /** The bundle, `agent.cjs`. */
  bundlePath: string;
  bundleSha256: string;
  /** The pinned runtime for a machine of this architecture; `locate` fetches and verifies it where it is not there. */
  runtime(arch: 'x86_64' | 'arm64'): { sha256: string; locate(): Promise<string> };
  /** The bundle that a machine runs to have its work saved. */
  rescuePath: string;
}

/**
 * What a use case works with. Everything heavy is behind a function and loaded on its first call, so that a command pays
 * only for what it uses; each function gives the same object every time.
 */
export interface AppContext {
  /** `SPUFF_HOME`, a 0700 directory. */
  readonly home: string;
  /** The user's working directory. */
  readonly directory: string;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  readonly runtime: Runtime;
  readonly progress: Progress;
  /** Whether a person may be asked something. */
  readonly mayAsk: boolean;
  /** The local log. What a provider, ssh and the state of this context do is written down by themselves. */
  readonly audit: AuditLog;
  settings(): Promise<Settings>;
  /**
   * What the file of the project asks for that `directory` belongs to, the working directory unless told; null: there is no
   * such file.
   * @throws SpuffError `config` naming file, line and column of what is wrong
   */
  project(directory?: string): Promise<ProjectFile | null>;
  projectFiles(): Promise<ProjectFiles>;
  trust(): Promise<TrustStore>;
  mounts(): Promise<MountTable>;
  state(): Promise<StateStore>;
  tunnels(): Promise<TunnelStore>;
  ssh(): Promise<Ssh>;
  /** @throws SpuffError `config` for a provider that does not exist, naming those that do */
  provider(id: ProviderId): Promise<Provider>;
  agentPackage(): Promise<AgentPackage>;
  rescues(): Promise<RescueStore>;
  /**
   * What the guard allows in sessions of an instance that belongs to `directory`: read anew each time.
   * @throws SpuffError `config` naming what is wrong in the user's or the project's file
   */
  guardPolicy(directory: string): Promise<GuardPolicy>;
  /**
   * The rules for everybody that hold in a directory: the computer's and the repository's. Read anew each time.
   * @throws SpuffError `config` | `permission` naming what is wrong: then nothing that they could forbid may be done
   */
  policy(directory: string): Promise<readonly PolicyRule[]>;
  guardFile(): Promise<GuardFileStore>;
  guardControl(): Promise<GuardControl>;
}

/** Options for one provider call that may take `timeoutMs`. */
export function callOptions(
  context: Pick<AppContext, 'signal' | 'runtime' | 'progress'>,
  timeoutMs: number,
): CallOptions {
  return {
    signal: context.signal,
    deadline: new Date(context.runtime.now() + timeoutMs),
    onRequest: ({ method, url, status, ms }) => {
      const took = ms === undefined ? '' : ` (${Math.round(ms)} ms)`;
      context.progress.trace(`${method} ${url}${status === undefined ? '' : `: ${status}`}${took}`);
    },
  };
}
