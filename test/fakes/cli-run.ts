/** Runs command lines in this process, with a terminal made of strings and ports that the test gives. */
import { join } from 'node:path';
import type { AppContext } from '../../src/app/context.ts';
import type { Questions } from '../../src/cli/ask.ts';
import type { CliServices } from '../../src/cli/cli.ts';
import type { OutputStream, Terminal } from '../../src/cli/render/terminal.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import type { AuditLog } from '../../src/domain/audit.ts';
import { SpuffError } from '../../src/domain/errors.ts';
import { resolvePolicy } from '../../src/domain/guard-policy.ts';
import type { PolicyRule } from '../../src/domain/policy.ts';
import type { ProjectFile } from '../../src/domain/project.ts';
import type { Provider } from '../../src/domain/provider.ts';
import { defaultSettings } from '../../src/domain/settings.ts';
import type { Ssh } from '../../src/domain/ssh.ts';
import type { StateStore } from '../../src/domain/state.ts';
import type { TunnelStore } from '../../src/domain/tunnel.ts';
import type { MountTable } from '../../src/domain/volume.ts';
import { homePaths } from '../../src/state/home.ts';
import { openIncidentStore } from '../../src/state/incident-files.ts';
import { openProjectFiles } from '../../src/state/project-files.ts';
import { openRescueStore } from '../../src/state/rescue-files.ts';
import { openTrustStore } from '../../src/state/trust-files.ts';
import { MemoryAudit } from './memory-audit.ts';
import { MemoryConfig } from './memory-config.ts';
import { MemoryState } from './memory-state.ts';
import { MemoryTunnels } from './memory-tunnels.ts';

export const nowMs = Date.UTC(2026, 10, 23, 12, 0, 0);

export interface FakeRun {
  state?: StateStore;
  tunnels?: TunnelStore;
  /** Nothing is mounted unless told. */
  mounts?: MountTable;
  ssh?: Partial<Ssh>;
  provider?: Partial<Provider>;
  /** An error: what reading them throws. */
  settings?: Partial<typeof defaultSettings> | SpuffError;
  project?: ProjectFile;
  home?: string;
  policy?: readonly PolicyRule[];
  agentPackage?: AppContext['agentPackage'];
  /** One in memory unless told. */
  audit?: AuditLog;
  directory?: string;
  signal?: AbortSignal;
  /** What the terminal is like: nothing of it is a terminal unless told. */
  terminals?: { out?: boolean; err?: boolean; input?: boolean };
  env?: Record<string, string>;
  questions?: Partial<Questions>;
  services?: Partial<CliServices>;
  /** Without it: the default policy, no file, no guard that runs, no host that is known. */
  guard?: Partial<Pick<AppContext, 'guardPolicy' | 'guardFile' | 'guardControl'>>;
}

export interface FakeOutcome {
  status: number;
  out: string;
  err: string;
  /** Errors that were reported as bugs. */
  bugs: unknown[];
}

export async function runLine(argv: readonly string[], given: FakeRun = {}): Promise<FakeOutcome> {
  const out = new StringStream(given.terminals?.out ?? false);
  const err = new StringStream(given.terminals?.err ?? false);
  const terminal: Terminal = {
    out,
    err,
    inputIsTerminal: given.terminals?.input ?? false,
    env: given.env ?? {},
  };
  const bugs: unknown[] = [];
  const signal = given.signal ?? new AbortController().signal;
  const services: CliServices = {
    version: '1.2.3',
    protocol: 1,
    providerIds: ['fake'],
    openConfig: async () => new MemoryConfig(),
    openOwnKeys: () => Promise.reject(new TypeError('no key is made in this test')),
    openHomeCare: async () => ({
      closeToOthers: () => [],
      checkState: () => null,
      recoverState: () => ({ keptAs: null, saved: [] }),
    }),
    createContext: (parts) => fakeContext(given, parts),
    questions: { confirm: neverAsked, select: neverAsked, text: neverAsked, ...given.questions },
    program: ['/usr/bin/node', '/opt/spuff.cjs'],
    credentialVariables: (provider) => (provider === 'fake' ? ['FAKE_TOKEN'] : []),
    credentialMark: async () => null,
    incidentPages: () => null,
    openIncidents: async () => openIncidentStore(join(given.home ?? '/home/someone/.spuff', 'incidents')),
    openTimerHost: () => Promise.reject(new TypeError('no timer in this test')),
    reapInBackground: async () => undefined,
    startBackgroundTunnel: () => Promise.reject(new TypeError('no tunnel in the background in this test')),
    reportBug: async (error) => {
      bugs.push(error);
      return '/home/someone/.spuff/reports/a.txt';
    },
    ...given.services,
  };
  const status = await runCli({ argv, services, terminal, signal, now: () => nowMs });
  return { status, out: out.text, err: err.text, bugs };
}

export class StringStream implements OutputStream {
  text = '';
  closed = false;
  readonly isTerminal: boolean;
  width = 80;
  readonly #listeners = new Set<() => void>();

  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal;
  }

  isClosed(): boolean {
    return this.closed;
  }

  write(text: string): void {
    this.text += text;
  }

  columns(): number {
    return this.width;
  }

  resize(width: number): void {
    this.width = width;
    for (const listener of this.#listeners) listener();
  }

  onResize(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function fakeContext(given: FakeRun, parts: Pick<AppContext, 'progress' | 'signal'>): AppContext {
  const state = given.state ?? new MemoryState();
  const tunnels = given.tunnels ?? new MemoryTunnels();
  const caps = { clock: 'this-computer', billing: null };
  const provider = { id: 'fake', caps, ...given.provider } as Provider;
  return {
    home: given.home ?? '/home/someone/.spuff',
    directory: given.directory ?? '/projects/here',
    runtime: { now: () => nowMs, sleep: async () => undefined, random: () => 0.5 },
    ...parts,
    mayAsk: false,
    audit: given.audit ?? new MemoryAudit(),
    settings: async () => {
      if (given.settings instanceof SpuffError) throw given.settings;
      return { ...defaultSettings, provider: 'fake', forwardAgent: 'none', ...given.settings };
    },
    project: async () => given.project ?? null,
    projectFiles: async () => openProjectFiles(),
    mounts: async () => given.mounts ?? { list: async () => [], unmount: neverAsked, check: neverAsked },
    trust: async () => openTrustStore(homePaths(given.home ?? '/home/someone/.spuff')),
    state: async () => state,
    tunnels: async () => tunnels,
    ssh: async () => ({ ...given.ssh }) as Ssh,
    provider: async (id) => {
      if (id === provider.id) return provider;
      throw new SpuffError('config', `there is no provider ${JSON.stringify(id)}`, {
        hints: ['there are: fake'],
      });
    },
    rescues: async () =>
      openRescueStore(homePaths(given.home ?? '/home/someone/.spuff'), { now: () => nowMs }),
    agentPackage:
      given.agentPackage ?? (() => Promise.reject(new TypeError('no agent package in this test'))),
    policy: async () => given.policy ?? [],
    guardPolicy: async () => resolvePolicy(null, null),
    guardFile: () => Promise.reject(new TypeError('no file of the guard in this test')),
    guardControl: async () => ({ tell: async () => [], findHostKeys: async () => [] }),
    ...given.guard,
  };
}

async function neverAsked(): Promise<never> {
  throw new TypeError('a question was asked that the test did not expect');
}
