/** What exists in the simulated project. */
import type { MachineBacking } from '../machine-backing.ts';
import type { SimClock } from '../sim-clock.ts';
import type { Action, Labels } from './answers.ts';
import type { Location, ServerType, SimImage } from './offers.ts';
import { systemImages } from './offers.ts';

export interface SimSshKey {
  id: number;
  name: string;
  publicKey: string;
  fingerprint: string;
  createdMs: number;
  labels: Labels;
}

export interface SimServerRecord {
  id: number;
  name: string;
  createdMs: number;
  type: ServerType;
  location: Location;
  image: SimImage;
  labels: Labels;
  userData: string;
  /** Of the login keys that the order named. */
  publicKeys: readonly string[];
  /** Of the backing. */
  machineId: string;
  ipv4: string;
  /** Its making fails. */
  fails: boolean;
  deletedMs: number | null;
}

export interface SimFirewall {
  id: number;
  name: string;
  createdMs: number;
  labels: Labels;
  rules: Record<string, unknown>[];
  /** Servers, and until when (of the clock) each is held on to. */
  appliedTo: Map<number, number>;
}

/** A volume or an address. */
export interface SimPossession {
  id: number;
  kind: 'volume' | 'ipv4' | 'ipv6';
  name: string;
  createdMs: number;
  labels: Labels;
  serverId: number | null;
  /** It goes with its server. */
  autoDelete: boolean;
  ip: string;
}

/** From its making a server takes so long for each of its states. */
export const initializingMs = 3_000;
export const offMs = 500;
export const startingMs = 1_500;
export const deletingMs = 2_000;
/** How long a firewall holds on to a server that is gone. */
const releaseMs = 8_000;

export class SimState {
  readonly clock: SimClock;
  readonly backing: MachineBacking;
  readonly servers = new Map<number, SimServerRecord>();
  readonly firewalls = new Map<number, SimFirewall>();
  readonly sshKeys = new Map<number, SimSshKey>();
  readonly possessions = new Map<number, SimPossession>();
  readonly images = new Map<number, SimImage>(systemImages.map((image) => [image.id, image]));
  readonly actions = new Map<number, Action>();
  /** Firewalls hold on to servers that are gone for ever. */
  firewallsStick = false;
  #lastId = 4_700_000;

  constructor(clock: SimClock, backing: MachineBacking) {
    this.clock = clock;
    this.backing = backing;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  addAction(
    command: string,
    resources: Action['resources'],
    takesMs: number,
    error: Action['error'] = null,
  ): Action {
    const startedMs = this.clock.now();
    const action = { id: this.nextId(), command, resources, startedMs, endMs: startedMs + takesMs, error };
    this.actions.set(action.id, action);
    return action;
  }

  actionsOf(serverId: number): Action[] {
    return [...this.actions.values()].filter(({ resources }) =>
      resources.some(({ id, type }) => id === serverId && type === 'server'),
    );
  }

  /** Does what was to happen by now: servers that were deleted go, and let go of what they had. */
  async settle(): Promise<void> {
    const nowMs = this.clock.now();
    for (const server of this.servers.values()) {
      if (server.deletedMs === null || server.deletedMs + deletingMs > nowMs) continue;
      this.servers.delete(server.id);
      await this.backing.remove(server.machineId);
      for (const one of this.possessions.values()) {
        if (one.serverId !== server.id) continue;
        if (one.autoDelete) this.possessions.delete(one.id);
        else one.serverId = null;
      }
      for (const { appliedTo } of this.firewalls.values()) {
        if (appliedTo.has(server.id)) appliedTo.set(server.id, server.deletedMs + deletingMs + releaseMs);
      }
    }
    if (this.firewallsStick) return;
    for (const { appliedTo } of this.firewalls.values())
      for (const [id, untilMs] of appliedTo) if (untilMs <= nowMs) appliedTo.delete(id);
  }

  async clear(): Promise<void> {
    for (const map of [this.servers, this.firewalls, this.sshKeys, this.possessions, this.actions])
      map.clear();
    for (const image of this.images.values()) if (image.type !== 'system') this.images.delete(image.id);
    this.firewallsStick = false;
    await this.backing.removeAll();
  }
}
