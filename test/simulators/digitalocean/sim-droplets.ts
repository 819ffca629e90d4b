/** The droplets of the simulated cloud: when each of them is made, seen, tagged, locked and gone. */
import type { ImageRef, Runtime } from '../../../src/domain/provider.ts';
import type { MachineBacking } from '../machine-backing.ts';
import type { CloudMetadata } from '../metadata/service.ts';
import { timeOf } from './answers.ts';
import { regionAnswer, simImages, simSizes, sizeAnswer } from './catalog-data.ts';

export interface SimDroplet {
  id: number;
  name: string;
  region: string;
  size: string;
  image: string | number;
  tags: string[];
  sshKeys: string[];
  userData: string;
  createdMs: number;
  /** From when on it runs, if its machine has booted; null: never. */
  activeMs: number | null;
  /** From when on nobody is told of it; null: not yet decided. */
  goneMs: number | null;
  createFailed: boolean;
  lockedUntilMs: number;
  machine: { id: string; ipv4: string } | null;
  /** Comes when the machine behind it has booted, which takes real time where it is a real one. */
  booted: Promise<void>;
  /** Comes when its disk has been copied, the last time that it was to be. */
  keeping: Promise<ImageRef | null>;
}

export type DropletOrder = Pick<
  SimDroplet,
  'name' | 'region' | 'size' | 'image' | 'tags' | 'sshKeys' | 'userData'
>;

/** How long things take, in seconds of the clock. */
export interface Delays {
  create: number;
  delete: number;
  placement: number;
}

export class SimDroplets {
  readonly #clock: Runtime;
  readonly #backing: MachineBacking;
  readonly #delays: Delays;
  readonly #metadataOf: (droplet: SimDroplet) => CloudMetadata;
  readonly #diskOf: (image: string | number) => Promise<ImageRef | null>;
  readonly #droplets = new Map<number, SimDroplet>();
  readonly #boots = new Set<Promise<void>>();
  #nextId = 3_164_400;

  constructor(
    clock: Runtime,
    backing: MachineBacking,
    delays: Delays,
    metadataOf: (droplet: SimDroplet) => CloudMetadata,
    diskOf: (image: string | number) => Promise<ImageRef | null>,
  ) {
    this.#clock = clock;
    this.#backing = backing;
    this.#delays = delays;
    this.#metadataOf = metadataOf;
    this.#diskOf = diskOf;
  }

  /** Those that exist, in the order of their making, newest first as the API lists them. */
  all(): SimDroplet[] {
    const now = this.#clock.now();
    for (const droplet of this.#droplets.values())
      if (droplet.goneMs !== null && droplet.goneMs <= now) this.#droplets.delete(droplet.id);
    return [...this.#droplets.values()].reverse();
  }

  get(id: number): SimDroplet | undefined {
    return this.all().find((droplet) => droplet.id === id);
  }

  /** @param failure how its making ends, when it is to fail after it was accepted */
  make(order: DropletOrder, failure: 'vanishes' | 'errored' | null = null, boots = true): SimDroplet {
    const now = this.#clock.now();
    const failsMs = now + this.#delays.placement * 1_000;
    const droplet: SimDroplet = {
      ...order,
      id: this.#nextId++,
      createdMs: now,
      activeMs: failure === null ? now + this.#delays.create * 1_000 : null,
      goneMs: failure === 'vanishes' ? failsMs : null,
      createFailed: failure === 'errored',
      lockedUntilMs: 0,
      machine: null,
      booted: Promise.resolve(),
      keeping: Promise.resolve(null),
    };
    this.#droplets.set(droplet.id, droplet);
    if (boots && failure === null) this.#boot(droplet);
    return droplet;
  }

  #boot(droplet: SimDroplet): void {
    const boot = async () => this.#backing.boot(this.#metadataOf(droplet), await this.#diskOf(droplet.image));
    droplet.booted = boot().then(async (machine) => {
      droplet.machine = machine;
      if (droplet.goneMs !== null) await this.#backing.remove(machine.id);
    });
    // Whoever asks for the droplet is told of a failure; nobody may ask.
    droplet.booted.catch(() => undefined);
    this.#boots.add(droplet.booted);
  }

  /** A copy of the disk, which a machine can be made of. */
  keep(droplet: SimDroplet): Promise<ImageRef | null> {
    droplet.keeping = droplet.machine ? this.#backing.keep(droplet.machine.id) : Promise.resolve(null);
    droplet.keeping.catch(() => undefined);
    return droplet.keeping;
  }

  async remove(droplet: SimDroplet): Promise<void> {
    droplet.goneMs ??= this.#clock.now() + this.#delays.delete * 1_000;
    await droplet.keeping;
    if (droplet.machine) await this.#backing.remove(droplet.machine.id);
  }

  async powerOff(id: number): Promise<void> {
    const { machine } = this.#droplets.get(id) ?? {};
    if (machine) await this.#backing.powerOff(machine.id);
  }

  async powerOn(id: number): Promise<void> {
    const { machine } = this.#droplets.get(id) ?? {};
    if (machine) await this.#backing.powerOn(machine.id);
  }

  async clear(): Promise<void> {
    await Promise.allSettled(this.#boots);
    this.#boots.clear();
    this.#droplets.clear();
    await this.#backing.removeAll();
  }

  async statusOf(droplet: SimDroplet): Promise<'new' | 'active' | 'off'> {
    const isMade = droplet.activeMs !== null && this.#clock.now() >= droplet.activeMs;
    if (!isMade) return 'new';
    await droplet.booted;
    // A planted one has no machine behind it.
    if (droplet.machine === null) return 'active';
    return (await this.#backing.state(droplet.machine.id)) === 'off' ? 'off' : 'active';
  }

  /** @param tags those that are in force by now */
  async answer(droplet: SimDroplet, tags: readonly string[], isFull: boolean): Promise<unknown> {
    const status = await this.statusOf(droplet);
    const size = simSizes.find(({ slug }) => slug === droplet.size);
    return {
      id: droplet.id,
      name: droplet.name,
      memory: size?.memory ?? 0,
      vcpus: size?.vcpus ?? 0,
      disk: size?.disk ?? 0,
      locked: status === 'new' || droplet.lockedUntilMs > this.#clock.now(),
      status,
      created_at: timeOf(droplet.createdMs),
      features: [],
      backup_ids: [],
      next_backup_window: null,
      snapshot_ids: [],
      image: imageOf(droplet),
      volume_ids: [],
      size: size && sizeAnswer(size),
      size_slug: droplet.size,
      networks: { v4: status === 'new' ? [] : networksOf(droplet), v6: [] },
      region: regionAnswer(droplet.region, isFull),
      tags,
      vpc_uuid: '760e09ef-dc84-11e8-981e-3cfdfeaae000',
    };
  }
}

function imageOf({ image }: SimDroplet): unknown {
  const base = simImages.find(({ slug }) => slug === image);
  return base
    ? {
        id: base.id,
        name: base.name,
        distribution: base.distribution,
        slug: base.slug,
        public: true,
        regions: [],
      }
    : { id: image, name: 'snapshot', distribution: 'Debian', slug: null, public: false, regions: [] };
}

function networksOf({ machine }: SimDroplet): unknown[] {
  const network = { netmask: '255.255.240.0', gateway: '203.0.113.1' };
  return [
    { ip_address: '10.128.192.124', netmask: '255.255.0.0', gateway: '', type: 'private' },
    { ip_address: machine?.ipv4 ?? '203.0.113.254', ...network, type: 'public' },
  ];
}
