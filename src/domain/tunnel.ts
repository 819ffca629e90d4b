/** Ports of a machine at this computer: what a tunnel is, and the ports to what carries and remembers one. */
import type { ErrorCode, SpuffError } from './errors.ts';
import type { InstanceKey } from './ids.ts';
import type { PortWish } from './project.ts';
import type { ProcessIdentity } from './state.ts';

/** A TCP port that something on the machine listens on, reachable there as `localhost`. */
export interface RemoteListener {
  port: number;
  /** Whether the login user's program has it. */
  isOwn: boolean;
  /** The program's name, as the machine tells it: any text. null: not known. */
  process: string | null;
}

/** One connection of a tunnel, as long as it holds. */
export interface TunnelLink {
  /**
   * Listens on 127.0.0.1 of this computer and passes what connects there to `localhost` of the machine.
   * @throws SpuffError `conflict` when the local port can't be had
   */
  forward(port: PortWish): Promise<void>;
  /** Whether the machine answers within this time. */
  answers(timeoutMs: number): Promise<boolean>;
  /** Resolves with the reason when the connection is over. */
  readonly ended: Promise<SpuffError>;
  /** Ends it. Absent is success. */
  close(): Promise<void>;
}

export interface TunnelLinkOptions {
  signal: AbortSignal;
  /** Gets all that listens, at once and after each change. */
  onListeners: (listeners: readonly RemoteListener[]) => void;
  /** Gets what ssh asks of the user, such as a touch of a security key. */
  onPrompt: (text: string) => void;
}

/** A port that a tunnel carries. */
export interface OpenPort extends PortWish {
  /** null: not known yet. */
  isListening: boolean | null;
  /** Why it is not to be had here for the moment; null: it is. */
  blocked: string | null;
}

/** `session`: lives and ends with a session of `spuff ssh` or `spuff up`. */
export type TunnelKind = 'foreground' | 'background' | 'session';

export type TunnelState = 'connecting' | 'connected' | 'reconnecting';

export interface TunnelFailure {
  code: ErrorCode;
  message: string;
  hints: readonly string[];
}

export interface TunnelRecord {
  id: string;
  key: InstanceKey;
  /** Of the instance. */
  name: string;
  kind: TunnelKind;
  process: ProcessIdentity;
  startedAt: Date;
  state: TunnelState;
  /** When that state began. */
  since: Date;
  /** Whether what begins to listen is forwarded unasked. */
  auto: boolean;
  ports: readonly OpenPort[];
  /** Listeners of the user's that nothing forwards. */
  offered: readonly RemoteListener[];
  /** The last thing that went wrong; stays when it is connected again. */
  lastError: TunnelFailure | null;
}

/** What this computer knows of the tunnels that run on it. */
export interface TunnelStore {
  /** The calling process. */
  self(): ProcessIdentity;
  /** Those whose process lives; what dead ones left is removed. */
  list(): TunnelRecord[];
  get(id: string): TunnelRecord | null;
  save(record: TunnelRecord): void;
  /** Absent is success. */
  remove(id: string): void;
  /** Tells the process of a tunnel to end, waits until it has, and kills it when it does not. */
  end(record: TunnelRecord, signal: AbortSignal): Promise<void>;
  /** Lets one at a time start or stop a tunnel. */
  withLock<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}
