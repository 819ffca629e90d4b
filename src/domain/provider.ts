/**
 * The provider port: what spuff needs of a cloud. One implementation a cloud, held to one conformance suite.
 * Everything outside `main/` decides by `Capabilities`, never by a provider's name.
 */
import type { InstanceKey } from './ids.ts';

export type ProviderId = string;

export interface Capabilities {
  /** The cloud itself deletes the machine at a deadline with nobody logged in, or false. */
  nativeTtl: false | { minSeconds: number; maxSeconds: number; slackSeconds: number };
  /** What a power-off from inside the guest, without a credential, does to billing. */
  guestPoweroff: 'deletes' | 'stops-compute-billing' | 'nothing';
  /** Protection of `create` against a replay, on the provider's side. */
  idempotentCreate: 'token' | 'unique-name' | 'none';
  /** Whether labels given at create are visible as soon as the machine is. */
  labelsAtomicWithCreate: boolean;
  /** Whose clock its machines and its times go by. Another's may differ from this computer's. */
  clock: 'this-computer' | 'its-own';
  /** How long a fresh machine may be missing from `list()`, in seconds. */
  listLagSeconds: number;
  /** Largest user data in bytes, before any encoding of the provider's. */
  maxUserDataBytes: number;
  /** Whether software on the machine can read its user data: never put a secret in it. */
  userDataReadableInGuest: boolean;
  /** null: it costs nothing. */
  billing: { granularity: 'second' | 'hour'; minSeconds: number; minCharge: Money | null } | null;
  firewall: 'at-create' | 'by-label' | 'none';
  snapshots: boolean;
  volumes: boolean;
  spot: boolean;
  prices: 'api' | 'separate-api' | 'none';
  rateLimit: { perHour?: number; perMinute?: number; perSecond?: number };
}

/** `amount` is a decimal string, never a float; `currency` is an ISO 4217 code. */
export interface Money {
  amount: string;
  currency: string;
  basis: 'net' | 'gross' | 'unspecified';
}

/** What becomes of the disk of a machine whose time is over: it goes with it, or is kept as a snapshot first. */
export type OnIdle = (typeof onIdleChoices)[number];
export const onIdleChoices = ['destroy', 'snapshot'] as const;

/**
 * Why a machine is off: it switched itself off (for idleness, or its user said `poweroff` on it), or somebody switched it off
 * through the provider. `unknown` wherever the provider's record does not prove one of them.
 */
export type WhyOff = 'guest' | 'owner' | 'unknown';

export type ImageRef = { kind: 'slug'; slug: string } | { kind: 'id'; id: string };

export interface VmSpec {
  key: InstanceKey;
  /** `spuff-<key>` on every provider: the second handle, independent of labels. */
  name: string;
  /** What the user calls it: the machine's host name and a label. */
  instanceName: string;
  region: string;
  size: string;
  image: ImageRef;
  /** OpenSSH one-line public keys, for providers that refuse to create without one. */
  sshPublicKeys: readonly string[];
  userData: string;
  /** Who made it: a label, so that a team can share an account. */
  owner: string;
  expiresAt: Date | null;
  /** A label, so that a reaper without any state of its own knows; missing: `destroy`. */
  onIdle?: OnIdle;
  /** Who may reach port 22: networks as CIDRs, from the first moment on. Without it: everybody. */
  firewall?: { allowSshFrom: readonly string[] };
  /** Cheaper, and the provider may take it back at any time. Only where `caps.spot`. */
  spot?: boolean;
}

export type VmState =
  | 'provisioning'
  | 'running'
  | 'stopping'
  | 'stopped'
  | 'deleting'
  | 'gone'
  | 'failed'
  | 'unknown';

export interface Vm {
  id: string;
  /** null when the label is missing or not well formed: then spuff does not touch it. */
  key: InstanceKey | null;
  name: string;
  instanceName: string | null;
  state: VmState;
  /** The provider's own word for the state. */
  rawState: string;
  ipv4: string | null;
  ipv6: string | null;
  /** Where to dial SSH; null until it is known. Not always port 22 of `ipv4`: a local machine is reached on loopback. */
  ssh: { host: string; port: number } | null;
  region: string;
  size: string;
  arch: 'x86_64' | 'arm64';
  createdAt: Date;
  /** The end of the lease, as it stands on the machine at the provider. */
  expiresAt: Date | null;
  onIdle: OnIdle;
  /** Since when it is off; null: it is not, or the provider does not say. */
  stoppedAt: Date | null;
  labels: Readonly<Record<string, string>>;
  /** True in every state but `gone`, unless the provider documents otherwise or costs nothing. */
  billed: boolean;
}

export interface Leftover {
  kind: 'vm' | 'volume' | 'snapshot' | 'image' | 'ip' | 'firewall' | 'sshkey' | 'nic' | 'network';
  id: string;
  name: string;
  key: InstanceKey | null;
  billed: boolean;
}

/** A request as it is told to whoever listens. */
export interface ToldRequest {
  method: string;
  url: string;
  status?: number;
  ms?: number;
  /** The time by the other side's clock when it answered, where it says so. */
  serverTime?: Date;
  /** What the other side calls this request, where it says so. */
  requestId?: string;
  /** Whether it only reads, where that is not said by its method. */
  isRead?: boolean;
}

export interface CallOptions {
  signal: AbortSignal;
  /** The call gives up with `timeout` when this moment passes. */
  deadline: Date;
  onRequest?: (request: ToldRequest) => void;
}

export interface Region {
  id: string;
  available: boolean;
}

export interface Size {
  id: string;
  vcpus: number;
  memoryMiB: number;
  diskGiB: number | null;
  arch: 'x86_64' | 'arm64';
  gpu: boolean;
  hourly: Money | null;
  /** With a price of their own where it differs by region. */
  regions: readonly { id: string; available: boolean; deprecatedAfter: Date | null; hourly?: Money | null }[];
}

export interface Image {
  ref: ImageRef;
  name: string;
  os: string;
  arch: 'x86_64' | 'arm64';
  sizeBytes: number | null;
  createdAt: Date | null;
  deprecatedAfter: Date | null;
}

export interface SnapshotInfo {
  id: string;
  name: string;
  /** The instance it was taken of; null when the label is missing. */
  key: InstanceKey | null;
  instanceName: string | null;
  createdAt: Date;
  sizeBytes: number | null;
  region: string | null;
  billed: boolean;
}

export interface AccessReport {
  account: string;
  /** Scopes or permissions that are missing, in the provider's words. */
  missing: readonly string[];
  /** Those that spuff does without: it knows no prices then, say. */
  missingOptional?: readonly string[];
  quota: { vms?: { used: number; limit: number } };
}

export interface Provider {
  readonly id: ProviderId;
  readonly caps: Capabilities;
  /** What `up` takes where neither the user nor the settings say. No I/O. */
  readonly defaults: { region: string; size: string; image: ImageRef };
  /** Read-only. Tells a bad token, a missing scope (named) and a locked account apart. */
  checkAccess(options: CallOptions): Promise<AccessReport>;
  /** A size that is sold out is marked, not thrown. */
  catalog(options: CallOptions): Promise<{ regions: Region[]; sizes: Size[]; images: Image[] }>;
  /** Pure, no I/O: what `create` would send, and its price where it is known without asking. Powers `--dry-run`. */
  plan(spec: VmSpec): {
    requests: readonly { method: string; path: string; body: unknown }[];
    hourly: Money | null;
  };
  /**
   * Returns as soon as the provider accepted; never waits for the boot. Safe to repeat with the same `spec.key`: the
   * result is the one machine with that key. After an answer that was lost it looks the key up for
   * `caps.listLagSeconds` before it may ask again.
   * @throws ProviderError `ambiguous` rather than guess
   */
  create(spec: VmSpec, options: CallOptions): Promise<Vm>;
  find(key: InstanceKey, options: CallOptions): Promise<Vm | null>;
  /** null when there is no such machine. */
  get(id: string, options: CallOptions): Promise<Vm | null>;
  /** Every machine with spuff's label, over all pages, regions and kinds. */
  list(options: CallOptions): AsyncIterable<Vm>;
  /** `gone` gives null. Gives up at `options.deadline` with `timeout`; a machine that fails on the way is `action-failed`. */
  waitFor(id: string, want: 'running' | 'stopped' | 'gone', options: CallOptions): Promise<Vm | null>;
  /**
   * Absent is success. Returns only when the provider reports the machine gone.
   * @throws ProviderError `protected` when the machine does not carry `expectKey`
   */
  destroy(id: string, options: CallOptions & { expectKey: InstanceKey }): Promise<void>;
  /**
   * Replaces the end of the lease in the machine's labels, whatever state it is in, and returns when the provider shows it.
   * Dying half-way it leaves the old end or the new one; where it leaves both, the later one counts.
   * @throws ProviderError `not-found`, and `protected` when the machine does not carry `expectKey`
   */
  setExpiry(
    id: string,
    expiresAt: Date | null,
    options: CallOptions & { expectKey: InstanceKey },
  ): Promise<void>;
  /** Asked of stopped machines only; reads what the provider has on record. Without it nobody can tell. */
  whyOff?(id: string, options: CallOptions): Promise<WhyOff>;
  /**
   * When a machine that is gone came to its end, as long as the provider has that on record; else null. Without it nobody
   * can tell.
   */
  endOf?(id: string, options: CallOptions): Promise<Date | null>;
  /** What carries the key (or, with null, any of spuff's labels) and survives `destroy`. Snapshots are not leftovers. */
  leftovers(key: InstanceKey | null, options: CallOptions): AsyncIterable<Leftover>;
  removeLeftover(leftover: Leftover, options: CallOptions): Promise<void>;
  readonly snapshots?: SnapshotStore;
  readonly images?: ImageStore;
  readonly firewall?: FirewallStore;
  readonly prices?: PriceStore;
  readonly loginKeys?: LoginKeyRegistry;
  /** Hardening after the boot that needs the user's credential, such as switching the metadata service off. */
  harden?(id: string, options: CallOptions): Promise<void>;
}

/** Present when `caps.snapshots`. */
export interface SnapshotStore {
  create(id: string, name: string, options: CallOptions & { expectKey: InstanceKey }): Promise<SnapshotInfo>;
  /** Those that are finished. */
  list(options: CallOptions): AsyncIterable<SnapshotInfo>;
  /** Absent is success. Touches only what carries spuff's label. */
  delete(snapshotId: string, options: CallOptions): Promise<void>;
  /** What keeping snapshots costs. Absent where nothing is billed, or nobody tells what is. */
  price?(options: CallOptions): Promise<StoragePrice | null>;
}

/** Of so many bytes in a month; `sizeBytes` of a snapshot is what is counted. */
export interface StoragePrice {
  monthly: Money;
  perBytes: number;
}

/** Present unless `caps.firewall` is `none`: the provider's own filter in front of one machine. It goes with the machine. */
export interface FirewallStore {
  /** The networks that may reach port 22, as CIDRs; null: there is no filter of spuff's, so everybody may. */
  show(key: InstanceKey, options: CallOptions): Promise<readonly string[] | null>;
  /**
   * Replaces them; an empty list closes the port to everybody. Makes the filter where there is none.
   * @throws ProviderError `not-found` when there is no such machine
   */
  set(key: InstanceKey, allowSshFrom: readonly string[], options: CallOptions): Promise<void>;
}

/**
 * Present when `caps.prices` is `separate-api`: the catalogue then has the prices of the default region, and not of every size.
 * Of one hour, without disk and traffic; null where the provider names none.
 */
export interface PriceStore {
  onDemand(size: string, region: string, options: CallOptions): Promise<Money | null>;
  /** The least of a spot machine in any zone of the region just now. */
  spot(size: string, region: string, options: CallOptions): Promise<Money | null>;
}

/**
 * Present where login keys are registered in the account and a machine is ordered with some of them. That a key is
 * registered changes nothing about machines that there are.
 */
export interface LoginKeyRegistry {
  /** Type and base64 of each key that spuff has registered; the user's own are not among them. */
  list(options: CallOptions): Promise<readonly string[]>;
  /**
   * `machines` let `added` in and `removed` no longer: where `removed` was noted as needed by one of them, `added` is
   * registered and noted in its place (null: by nothing). Then `removed` is taken out of the account, unless another
   * machine of spuff's needs it or the user has registered it himself. Safe to repeat.
   */
  replace(
    change: { removed: string; added: string | null; machines: readonly InstanceKey[] },
    options: CallOptions,
  ): Promise<void>;
}

/** Present where machines start from images that the user builds. */
export interface ImageStore {
  /** Builds the base image unless one of the same recipe exists; `force` builds in any case. `onLine` gets progress. */
  build(
    options: CallOptions & { force?: boolean; onLine?: (line: string) => void },
  ): Promise<{ image: Image; cached: boolean }>;
  list(options: CallOptions): Promise<Image[]>;
  remove(ref: string, options: CallOptions): Promise<void>;
}

/** All time and chance are given, so that tests run without waiting. */
export interface Runtime {
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}
