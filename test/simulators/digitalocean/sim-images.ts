import type { ImageRef, Runtime } from '../../../src/domain/provider.ts';
import { timeOf } from './answers.ts';
import type { SimDroplet } from './sim-droplets.ts';

export interface SimAction {
  id: number;
  type: string;
  dropletId: number;
  startedMs: number;
  endsMs: number;
  fails: boolean;
}

export interface SimSnapshot {
  id: number;
  name: string;
  dropletId: number;
  region: string;
  createdMs: number;
  /** null: it is of no machine. */
  disk: Promise<ImageRef | null>;
}

/** The actions on droplets, and the snapshots that come of them when their time has come. */
export class SimImages {
  /** Of a snapshot, in seconds. */
  snapshotSeconds = 30;
  failNextSnapshot = false;
  readonly #clock: Runtime;
  readonly #actions = new Map<number, SimAction>();
  readonly #snapshots = new Map<number, SimSnapshot>();
  #nextId = 36_804_636;

  constructor(clock: Runtime) {
    this.#clock = clock;
  }

  /** @param keep copies the disk of the machine behind it */
  takeSnapshot(droplet: SimDroplet, name: string, keep: () => Promise<ImageRef | null>): SimAction {
    const now = this.#clock.now();
    const endsMs = now + this.snapshotSeconds * 1_000;
    const action = this.begin(droplet, 'snapshot', endsMs);
    action.fails = this.failNextSnapshot;
    this.failNextSnapshot = false;
    droplet.lockedUntilMs = endsMs;
    if (!action.fails) {
      const id = this.#nextId++;
      const { region } = droplet;
      const disk = keep();
      this.#snapshots.set(id, { id, name, dropletId: droplet.id, region, createdMs: endsMs, disk });
    }
    return action;
  }

  begin(droplet: SimDroplet, type: string, endsMs: number): SimAction {
    const startedMs = this.#clock.now();
    const action = { id: this.#nextId++, type, dropletId: droplet.id, startedMs, endsMs, fails: false };
    this.#actions.set(action.id, action);
    return action;
  }

  action(id: number): SimAction | undefined {
    return this.#actions.get(id);
  }

  actions(dropletId?: number): SimAction[] {
    const all = [...this.#actions.values()].reverse();
    return dropletId === undefined ? all : all.filter((action) => action.dropletId === dropletId);
  }

  actionAnswer(action: SimAction): unknown {
    const isOver = this.#clock.now() >= action.endsMs;
    return {
      id: action.id,
      status: isOver ? (action.fails ? 'errored' : 'completed') : 'in-progress',
      type: action.type,
      started_at: timeOf(action.startedMs),
      completed_at: isOver ? timeOf(action.endsMs) : null,
      resource_id: action.dropletId,
      resource_type: 'droplet',
      region_slug: 'nyc3',
    };
  }

  /** Those that are finished. */
  snapshots(): SimSnapshot[] {
    return [...this.#snapshots.values()].filter(({ createdMs }) => createdMs <= this.#clock.now());
  }

  /** Of the user's own making, by whatever name. */
  plant(name: string): SimSnapshot {
    const origin = {
      dropletId: 1,
      region: 'nyc3',
      createdMs: this.#clock.now(),
      disk: Promise.resolve(null),
    };
    const snapshot = { id: this.#nextId++, name, ...origin };
    this.#snapshots.set(snapshot.id, snapshot);
    return snapshot;
  }

  async diskOf(image: string | number): Promise<ImageRef | null> {
    return (await this.#snapshots.get(Number(image))?.disk) ?? null;
  }

  remove(id: number): void {
    this.#snapshots.delete(id);
  }

  /** As `/v2/snapshots` and as the list of one droplet write it: the id is text in the one and a number in the other. */
  snapshotAnswer(snapshot: SimSnapshot, where: 'all' | 'droplet'): unknown {
    const base = {
      name: snapshot.name,
      created_at: timeOf(snapshot.createdMs),
      regions: [snapshot.region],
      min_disk_size: 25,
      size_gigabytes: 2.34,
    };
    if (where === 'droplet') return { id: snapshot.id, ...base, type: 'snapshot' };
    const origin = { resource_id: String(snapshot.dropletId), resource_type: 'droplet', tags: [] };
    return { id: String(snapshot.id), ...base, ...origin };
  }

  clear(): void {
    this.#actions.clear();
    this.#snapshots.clear();
    this.failNextSnapshot = false;
  }
}
