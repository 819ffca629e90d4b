import { defaultPreDownSeconds, defaultThresholds } from './agent-config.ts';
import type { MoneyLimit } from './money.ts';
import type { OnIdle } from './provider.ts';

export const forwardAgentModes = ['guard', 'none', 'raw'] as const;

/**
 * The user's settings (`~/.spuff/config.yaml`), after defaults. Durations are kept as the user writes them (`24h`)
 * in the file and as ms here.
 */
export interface Settings {
  /** Which provider `up` uses. */
  provider: string;
  /** In the order of preference: where the first has no room, the next is tried. null: the provider's default. */
  regions: readonly string[] | null;
  /** No machine is ever made elsewhere; null: anywhere. */
  allowedRegions: readonly string[] | null;
  size: string | null;
  image: string | null;
  /** Login user on the machines. */
  user: string;
  /** Path of the SSH public key to log in with; null: found in ssh-agent or `~/.ssh`. */
  sshKey: string | null;
  /** What a session lends: a guard before the user's agent, nothing, or every key in the agent. */
  forwardAgent: (typeof forwardAgentModes)[number];
  idleTimeoutMs: number | null;
  /** From where on something counts as use: see `IdleThresholds`. null: a tenth of the cores, at most half a core. */
  idleCpuCores: number | null;
  idleProcessCores: number;
  idleContainerCores: number;
  idleNetworkBytesPerSecond: number;
  /** How long the pre-down hook may take. */
  preDownTimeoutMs: number;
  /** The longest life of a machine, unless `--ttl` says otherwise. */
  maxLifetimeMs: number | null;
  /** What all machines of a month may cost, one for each currency; null: anything. */
  monthlyBudgets: readonly MoneyLimit[] | null;
  /** How many snapshots of each instance name stay when a new one is made; null: all. */
  keepSnapshots: number | null;
  /** Whether work that lies nowhere else is saved before a machine is destroyed. */
  rescue: boolean;
  /** Who can open what is saved: recipients of age, or paths of public SSH keys; null: a key of spuff's own. */
  rescueTo: readonly string[] | null;
  /** What becomes of the disk of a machine that goes by itself. */
  onIdle: OnIdle;
  /** Whether commands start a reaper in the background. */
  reapInBackground: boolean;
  /** A command that prints the token of the provider's API; null: it is in the environment. */
  tokenCommand: string | null;
  /** Whether machines join the user's tailnet. */
  tailscale: boolean;
  /** What they are there, such as `tag:dev`; null: whatever the key says. */
  tailscaleTags: readonly string[] | null;
  /** Whether port 22 is closed to the public once the machine was reached by the tailnet. */
  tailscaleClosePublicSsh: boolean;
  /** A command that prints an auth key of the tailnet; null: it is in the environment. */
  tailscaleKeyCommand: string | null;
  /** Who may reach port 22, where the provider has firewalls: the address that you have now, everybody, or these CIDRs. */
  firewall: 'my-ip' | 'open' | readonly string[];
  /** Answers a GET with the address that it came from, as text. */
  addressService: string;
  /** What the local provider talks to, such as `unix:///run/user/1000/podman/podman.sock`; null: found. */
  engineSocket: string | null;
}

export const defaultSettings: Settings = {
  provider: 'local',
  regions: null,
  allowedRegions: null,
  size: null,
  image: null,
  user: 'dev',
  sshKey: null,
  forwardAgent: 'guard',
  idleTimeoutMs: 2 * 3_600_000,
  idleCpuCores: defaultThresholds.cpuCores,
  idleProcessCores: defaultThresholds.processCores,
  idleContainerCores: defaultThresholds.containerCores,
  idleNetworkBytesPerSecond: defaultThresholds.networkBytesPerSecond,
  preDownTimeoutMs: defaultPreDownSeconds * 1_000,
  maxLifetimeMs: 24 * 3_600_000,
  monthlyBudgets: null,
  keepSnapshots: null,
  rescue: false,
  rescueTo: null,
  onIdle: 'destroy',
  reapInBackground: true,
  tokenCommand: null,
  tailscale: false,
  tailscaleTags: null,
  tailscaleClosePublicSsh: false,
  tailscaleKeyCommand: null,
  firewall: 'my-ip',
  addressService: 'https://checkip.amazonaws.com',
  engineSocket: null,
};
