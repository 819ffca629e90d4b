/** The port to OpenSSH: everything that spuff says to a machine goes through here. */

import type { Guard, GuardOptions } from './guard.ts';
import type { InstanceKey } from './ids.ts';
import type { KnownIdentity } from './instance.ts';
import type { Secret } from './secret.ts';
import type { TunnelLink, TunnelLinkOptions } from './tunnel.ts';

/** Who to dial and how they prove themselves. */
export interface SshTarget {
  key: InstanceKey;
  /** For messages only. */
  name: string;
  host: string;
  port: number;
  /** Where it is in the user's tailnet: the way that is taken where it answers. */
  tailnet?: { host: string; isPublicClosed: boolean };
  user: string;
  /** null: whatever keys the user's ssh-agent offers. */
  publicKeyPath: string | null;
  identity: KnownIdentity;
}

export interface RunOptions {
  /** Bytes for the remote's standard input; nothing: it is closed. */
  stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Gets standard output as it comes, none of which is kept then; the program waits for it. */
  onOutput?: (chunk: Uint8Array) => Promise<void>;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface SessionOptions {
  /** true: allocate a terminal; false: none; 'auto': when standard input is a terminal. */
  tty: boolean | 'auto';
  /** Lends nothing; the user's whole agent (`raw`); or a guard in its place. */
  forwardAgent: false | 'raw' | Guard;
  /** Over the instance's shared connection. Never together with `forwardAgent`. */
  shared: boolean;
  /** Further options for ssh itself, already checked, such as `-L 8080:localhost:8080`. */
  sshArgs?: readonly string[];
  /** Gives the program no standard input: for one that runs beside what the user does. */
  withoutInput?: boolean;
  signal?: AbortSignal;
}

export interface SendTreeOptions {
  signal?: AbortSignal;
  /** Gets how many percent are done. */
  onProgress?: (percent: number) => void;
}

export interface SentTree {
  /** Over the wire; null: not known. */
  sentBytes: number | null;
}

export interface ReceiveTreeRequest {
  root: string;
  /** Below `folder` there and `root` here: relative, with `/`, and without empty parts, `.` or `..`. */
  paths: readonly string[];
  folder: string;
  /** Asked at the last moment whether what is at a path here may be replaced. */
  mayReplace: (path: string) => boolean;
}

export interface ReceivedTree {
  /** What became of each file that was sent; one that was not is not in it. */
  outcomes: ReadonlyMap<string, 'placed' | 'through-link' | 'folder-in-place' | 'changed-meanwhile'>;
}

export interface LoginKeys {
  /** OpenSSH one-line public keys to let in. */
  publicKeys: readonly string[];
  publicKeyPath: string | null;
  /** What the user should know about the choice, such as a key without a passphrase. */
  notes: readonly string[];
}

export interface Ssh {
  /** A new ed25519 host key in OpenSSH's format, made in memory. */
  makeHostKey(comment: string): { publicKey: string; privateKey: Secret };
  /**
   * Finds the keys that log in, without ever opening a private one: the configured path, else ssh-agent's, else
   * `~/.ssh/id_*.pub`, else the key of spuff's own.
   * @throws SpuffError `permission` for a key that others can read, `config` when there is none or it is too weak
   */
  findLoginKeys(configuredPath: string | null): Promise<LoginKeys>;
  /**
   * Waits until the machine answers, proves that it holds the key we injected, has it make a key of its own, and proves
   * that one on a second login, which becomes the shared connection. `save` is called before and after each change of
   * trust and must be durable when it returns. Safe to repeat from any saved phase.
   * @throws SpuffError `host-identity` | `connection` | `timeout`
   */
  establishIdentity(
    target: SshTarget,
    save: (identity: KnownIdentity) => void,
    options: {
      deadline: Date;
      signal: AbortSignal;
      onProgress?: (what: string) => void;
      /** Run as root on the first login, in this order, each to exit 0; only then is the machine's key put in place. */
      firstCommands?: readonly (readonly string[])[];
    },
  ): Promise<KnownIdentity>;
  /** Runs a program over the shared connection, which is opened when needed. The arguments arrive as they are given. */
  run(target: SshTarget, argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /**
   * Logs in on a connection of its own with the key of `target.publicKeyPath` and runs a program there, but only once
   * `onProven` has returned, which is told whose key (`SHA256:…`) has opened the machine. `publicKeyPath` null: any key of
   * the agent's.
   * @throws SpuffError `auth` when that key does not log in, or another one did; what `onProven` throws, and then nothing
   * was run
   */
  runProven(
    target: SshTarget,
    argv: readonly string[],
    options: {
      onProven: (fingerprint: string) => void;
      timeoutMs: number;
      signal?: AbortSignal;
    },
  ): Promise<RunResult>;
  /** Hands the terminal to ssh. Gives its exit status, 128+n for a signal. `argv` null: a login shell. */
  openSession(target: SshTarget, argv: readonly string[] | null, options: SessionOptions): Promise<number>;
  /** Copies files; one side of `from`/`to` starts with `:` and means the machine. Gives scp's exit status. */
  copy(
    target: SshTarget,
    paths: { from: readonly string[]; to: string },
    options: { recursive: boolean; signal?: AbortSignal },
  ): Promise<number>;
  /**
   * Sends files of the folder `root` here into `folder` there, with rsync: links as links, with times and modes. Only what is
   * named is sent, and nothing is removed.
   * @throws SpuffError `unavailable` without a usable rsync on both sides; `connection`, `permission`, `interrupted`
   */
  sendTree(
    target: SshTarget,
    request: { root: string; paths: readonly string[]; folder: string },
    options: SendTreeOptions,
  ): Promise<SentTree>;
  /**
   * Takes files of `folder` there into the folder `root` here, and nothing else, whatever the machine sends: each whole or not
   * at all, links as links, and none through a link.
   * @throws SpuffError `agent` when the machine sends what was not asked for; `connection`, `permission`, `interrupted`
   */
  receiveTree(
    target: SshTarget,
    request: ReceiveTreeRequest,
    options: { signal?: AbortSignal },
  ): Promise<ReceivedTree>;
  /**
   * Mounts a folder of the machine on an empty folder here, by sshfs, which goes on when this process has ended.
   * @throws SpuffError `unavailable` without sshfs or FUSE, `connection` when the machine is not reached or has no such folder
   */
  mountVolume(
    target: SshTarget,
    volume: { path: string; mountPoint: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** Forwards the agent's socket over the shared connection. Gives the path of the local socket, in a 0700 directory. */
  openChannel(target: SshTarget): Promise<string>;
  /**
   * Opens a connection of its own that carries ports of the machine to this computer, and none the other way.
   * @throws SpuffError `connection` and the others of a login
   */
  openTunnel(target: SshTarget, options: TunnelLinkOptions): Promise<TunnelLink>;
  /**
   * Opens a guard before the user's ssh-agent, for one session with this machine.
   * @returns null when no ssh-agent runs
   * @throws SpuffError `config` for a policy that is wrong
   */
  openGuard(target: SshTarget, options: GuardOptions): Promise<Guard | null>;
  /** Ends the shared connection. Absent is success. */
  disconnect(target: Pick<SshTarget, 'key'>): Promise<void>;
  /** Ends the shared connection and removes known_hosts and sockets. Absent is success. */
  forget(key: InstanceKey): Promise<void>;
}
