/** What exists in the simulated account. */
import { createHash, randomBytes } from 'node:crypto';
import type { SimulatedCloud } from '../../contract/cloud-harness.ts';
import type { MachineBacking } from '../machine-backing.ts';
import type { SimClock } from '../sim-clock.ts';

export type Tags = Record<string, string>;

export interface Instance {
  id: string;
  region: string;
  type: string;
  /** The zone, and whether the order named it: its token counts for that zone alone then. */
  zone: string;
  zoneNamed: boolean;
  imageId: string;
  arch: 'x86_64' | 'arm64';
  rootDevice: string;
  reservationId: string;
  clientToken: string;
  /** Of the order: to tell a repeat from another order with the same token. */
  order: string;
  tags: Tags;
  groupIds: string[];
  userData: string;
  volumeId: string;
  nicId: string;
  spot: boolean;
  shutdownTerminates: boolean;
  protectedFromEnd: boolean;
  metadata: { httpTokens: string; hopLimit: string; httpEndpoint: string };
  createdMs: number;
  /** From when on it shows. */
  shownMs: number;
  /** It is never to run. */
  doomed: boolean;
  endingMs: number | null;
  stoppedMs: number | null;
  /** Of what stands behind it; null: nothing does. */
  backing: { id: string; ipv4: string; port: number } | null;
  reason: { code: string; message: string } | null;
}

export interface Group {
  id: string;
  region: string;
  vpcId: string;
  name: string;
  description: string;
  tags: Tags;
  rules: { protocol: string; from: string; to: string; cidr: string }[];
}

export interface SimImage {
  id: string;
  region: string;
  owner: string;
  name: string;
  arch: 'x86_64' | 'arm64';
  rootDevice: string;
  gib: number;
  snapshotId: string;
  createdMs: number;
  readyMs: number;
  tags: Tags;
}

export interface Thing {
  kind: 'volume' | 'nic' | 'address' | 'snapshot';
  id: string;
  region: string;
  tags: Tags;
  gib: number;
  /** The machine that it goes with; null: it stands alone. */
  instanceId: string | null;
  createdMs: number;
}

export interface Settings
  extends Pick<
    SimulatedCloud,
    'listLagSeconds' | 'fullRegions' | 'failNextPlacement' | 'machineLimit' | 'missingScopes'
  > {
  /** So many requests from now on are refused for their rate, as EC2 words it. */
  throttle: number;
  /** Zones that have no room for another machine. */
  fullZones: string[];
  /** Processors that the account may have by another quota than that of `machineLimit`, by the quota's code. */
  vcpuLimits: Readonly<Record<string, number>>;
}

export const account = '123456789012';
/** Of every machine, in its network at the cloud. */
export const privateAddress = '172.31.0.10';
export const pendingMs = 4_000;
export const endingTakesMs = 20_000;
/** How long a group stays in use after its machine has ended. */
export const letGoMs = 10_000;
/** How long a machine that has ended is listed. */
export const listedMs = 3_600_000;

export class CloudState {
  readonly clock: SimClock;
  readonly backing: MachineBacking;
  readonly settings: Settings = {
    listLagSeconds: 0,
    fullRegions: [],
    failNextPlacement: false,
    machineLimit: 1_000,
    missingScopes: [],
    throttle: 0,
    fullZones: [],
    vcpuLimits: {},
  };
  readonly instances = new Map<string, Instance>();
  readonly groups = new Map<string, Group>();
  readonly images = new Map<string, SimImage>();
  readonly things = new Map<string, Thing>();

  constructor(clock: SimClock, backing: MachineBacking) {
    this.clock = clock;
    this.backing = backing;
  }

  now(): number {
    return this.clock.now();
  }

  /** The state that a machine is in by now. */
  stateOf(instance: Instance): string {
    const now = this.now();
    if (instance.endingMs !== null)
      return now < instance.endingMs + endingTakesMs ? 'shutting-down' : 'terminated';
    if (instance.doomed) return now < instance.createdMs + pendingMs ? 'pending' : 'terminated';
    if (instance.stoppedMs !== null) return now < instance.stoppedMs + endingTakesMs ? 'stopping' : 'stopped';
    return now < instance.createdMs + pendingMs ? 'pending' : 'running';
  }

  /** When a machine came to its end; null: it has not. */
  endedMs(instance: Instance): number | null {
    if (this.stateOf(instance) !== 'terminated') return null;
    return instance.endingMs === null ? instance.createdMs + pendingMs : instance.endingMs + endingTakesMs;
  }

  lives(instance: Instance): boolean {
    return this.stateOf(instance) !== 'terminated';
  }

  shows(instance: Instance): boolean {
    const ended = this.endedMs(instance);
    return instance.shownMs <= this.now() && (ended === null || this.now() < ended + listedMs);
  }

  /** Takes in what has happened behind the machines: one that has powered itself off ends, where it was told to. */
  async catchUp(): Promise<void> {
    for (const instance of this.instances.values()) {
      if (instance.backing && instance.endingMs === null && this.stateOf(instance) === 'running') {
        const behind = await this.backing.state(instance.backing.id);
        if (behind !== 'running') {
          instance.reason = {
            code: 'Client.InstanceInitiatedShutdown',
            message: 'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
          };
          if (instance.shutdownTerminates) await this.end(instance);
          else instance.stoppedMs = this.now();
        }
      }
      if (!this.lives(instance)) for (const id of [instance.volumeId, instance.nicId]) this.things.delete(id);
    }
  }

  async end(instance: Instance): Promise<void> {
    instance.endingMs ??= this.now();
    if (instance.backing) await this.backing.remove(instance.backing.id);
  }

  vpcOf(region: string): string {
    return makeId('vpc', region);
  }
}

/** A fresh id, or the same one for the same seed. */
export function makeId(prefix: string, seed?: string): string {
  const bytes = seed === undefined ? randomBytes(9) : createHash('sha256').update(seed).digest();
  return `${prefix}-${bytes.toString('hex').slice(0, 17)}`;
}
