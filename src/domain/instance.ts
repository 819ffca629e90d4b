import type { InstanceKey } from './ids.ts';
import type { Tariff } from './money.ts';
import type { ImageRef, ProviderId, VmState } from './provider.ts';
import type { Secret } from './secret.ts';

/**
 * How far the proof of an instance's host key has come.
 *
 * `booting`: only the one-time key that spuff put into the user data is known.
 * `rotating`: the machine may have replaced it by one it made itself; either may answer.
 * `pinned`: only the machine's own key is accepted, and the one-time key is revoked.
 * `lost`: nobody on this computer knows the key any more, so nothing is sent to the machine: it was adopted.
 */
export type HostIdentity = KnownIdentity | { phase: 'lost' };

/** One that a connection can be verified by. */
export type KnownIdentity =
  | { phase: 'booting'; injectedPublicKey: string; injectedPrivateKey: Secret }
  | { phase: 'rotating'; injectedPublicKey: string; newPublicKey: string | null }
  | { phase: 'pinned'; injectedPublicKey: string; publicKey: string };

/** Where an instance is in its life, as spuff intends it; `vmState` is what the provider last said. */
export type InstancePhase = 'creating' | 'ready' | 'destroying';

/** Everything that the local state knows of one instance. Provider state is the truth; this is the index to it. */
export interface Instance {
  key: InstanceKey;
  name: string;
  provider: ProviderId;
  phase: InstancePhase;
  /** The provider's id; null until `create` has answered. */
  vmId: string | null;
  region: string;
  size: string;
  /** Of the machine's processor; null until the provider has said it. */
  arch: 'x86_64' | 'arm64' | null;
  image: ImageRef;
  /** The login user on the machine. */
  user: string;
  ssh: { host: string; port: number } | null;
  /** Where it is reached in the user's tailnet; null: it is in none. `isPublicClosed`: port 22 is closed to all others. */
  tailnet: { host: string; isPublicClosed: boolean } | null;
  /** Path of the public key that logs in, or null when the keys are only in the user's ssh-agent. */
  sshPublicKeyPath: string | null;
  hostIdentity: HostIdentity;
  agentToken: Secret;
  /** Version and bundle checksum of the agent that was installed; null before. */
  agent: { version: string; sha256: string } | null;
  /** The folder that `up` was run in: commands without a NAME in it mean this instance. */
  directory: string;
  createdAt: Date;
  readyAt: Date | null;
  /** The end of the lease; null only where the user switched it off. */
  expiresAt: Date | null;
  idleTimeoutMs: number | null;
  /** What it costs; null: nothing, or its price was not known when it was made. */
  tariff: Tariff | null;
  vmState: { state: VmState; checkedAt: Date } | null;
}
