/** The login keys of spuff's own: one for each user and computer, and the port to them. OpenSSH's programs alone open them. */
import type { InstanceKey } from './ids.ts';

export interface OwnKey {
  /** Of its files in `<home>/keys`, such as `id_ed25519`. */
  name: string;
  /** The public half; the private one lies beside it where `storage` is `disk`. */
  publicPath: string;
  /** Type and base64, without a comment: the line that a machine gets. */
  publicKey: string;
  /** `SHA256:…`, as OpenSSH prints it. */
  fingerprint: string;
  /** `agent`: the private half has only ever been in memory, and ssh-agent forgets it at `expiresAt`. */
  storage: 'disk' | 'agent';
  madeAt: Date;
  /** null: never. */
  expiresAt: Date | null;
}

/** A key that a newer one has taken the place of. It stays usable until no machine needs it. */
export interface RetiringKey extends OwnKey {
  /** Machines that are known not to let it in any more. */
  clearedFrom: readonly InstanceKey[];
}

export interface KeyRing {
  /** What new machines let in; null when there is none. */
  current: OwnKey | null;
  /** Not empty: a rotation has begun and has not ended. */
  retiring: readonly RetiringKey[];
}

export type NewKey =
  /** `prompt`: ssh-keygen asks on the terminal, so that spuff never knows it. */
  { storage: 'disk'; passphrase: 'prompt' | 'none' } | { storage: 'agent'; lifetimeMs: number };

/** Every change is on disk when its method returns, and may be repeated. */
export interface OwnKeyStore {
  /** Runs `work` while no other process changes the keys. */
  alone<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** @throws SpuffError `state` when what is written about the keys can't be read */
  read(): KeyRing;
  /**
   * Makes a key, which becomes the current one; the former one retires. What a run that was cut off has left of its key is
   * removed before.
   * @throws SpuffError `config` when ssh-keygen or ssh-agent made none, or no agent runs
   */
  make(request: NewKey): Promise<OwnKey>;
  /** Whether the private half is there: beside the public one, or in ssh-agent. */
  isUsable(key: OwnKey): Promise<boolean>;
  /** Asked of ssh-keygen; null where there is no file. */
  hasPassphrase(key: OwnKey): Promise<boolean | null>;
  /** Whether ssh-agent holds it, from disk or made there. */
  isInAgent(key: Pick<OwnKey, 'publicKey'>): Promise<boolean>;
  noteCleared(key: OwnKey, machine: InstanceKey): void;
  /** Absent is success. */
  leaveAgent(key: OwnKey): Promise<void>;
  /** Deletes both halves and forgets the key. Absent is success. Synchronous, to be done inside a transaction of the state. */
  remove(key: OwnKey): void;
}
