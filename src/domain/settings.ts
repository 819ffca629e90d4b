/**
 * The user's settings (`~/.spuff/config.yaml`), after defaults. Durations are kept as the user writes them (`24h`)
 * in the file and as ms here.
 */
export interface Settings {
  /** Which provider `up` uses. */
  provider: string;
  /** null: the provider's default. */
  region: string | null;
  size: string | null;
  image: string | null;
  /** Login user on the machines. */
  user: string;
  /** Path of the SSH public key to log in with; null: found in ssh-agent or `~/.ssh`. */
  sshKey: string | null;
  /** `none` until the guard is asked for; `raw` lends every key in the agent while a session is open. */
  forwardAgent: 'none' | 'raw';
  idleTimeoutMs: number | null;
  /** The longest life of a machine, unless `--ttl` says otherwise. */
  maxLifetimeMs: number | null;
  /** What the local provider talks to, such as `unix:///run/user/1000/podman/podman.sock`; null: found. */
  engineSocket: string | null;
}

export const defaultSettings: Settings = {
  provider: 'local',
  region: null,
  size: null,
  image: null,
  user: 'dev',
  sshKey: null,
  forwardAgent: 'none',
  idleTimeoutMs: 2 * 3_600_000,
  maxLifetimeMs: 24 * 3_600_000,
  engineSocket: null,
};
