/**
 * A DigitalOcean that keeps what it is told: droplets, tags, firewalls, keys, snapshots, volumes. It answers as the
 * official description says and refuses as the real one was seen to; what only a real account could tell is a property.
 */

import type { SimulatedCloud } from '../../contract/cloud-harness.ts';
import { makeKey } from '../../machine/lab.ts';
import type { MachineBacking } from '../machine-backing.ts';
import type { SimClock } from '../sim-clock.ts';
import type { SimAnswer, SimRequest } from '../sim-server.ts';
import { notFound, Refusal, unprocessable } from './answers.ts';
import { metadataOf } from './metadata.ts';
import { routes } from './routes.ts';
import { SimKeys, SimRateLimit, SimVolumes } from './sim-account.ts';
import { type DropletOrder, type SimDroplet, SimDroplets } from './sim-droplets.ts';
import { SimFirewalls } from './sim-firewalls.ts';
import { type SimAction, SimImages } from './sim-images.ts';

const powerActions = ['power_off', 'shutdown', 'power_on', 'power_cycle', 'reboot'];

/** Statuses that the real API gives and its description does not declare. */
export const undeclared = [
  '* 403', // a scope is missing
  '* 422', // the order is refused: size, region, image, keys, limit, pending event
  '* 409', // a name is taken, or something is in use
  '* 400', // the body is no JSON
];

export interface DigitalOceanCloudOptions {
  clock: SimClock;
  backing: MachineBacking;
  token: string;
}

export class DigitalOceanCloud implements SimulatedCloud {
  listLagSeconds = 0;
  /** How long the tags of a fresh droplet are not there. */
  tagLagSeconds = 0;
  fullRegions: string[] = [];
  failNextPlacement = false;
  placementFailure: 'vanishes' | 'errored' = 'vanishes';
  machineLimit = 1_000;
  missingScopes: string[] = [];
  accountStatus: 'active' | 'warning' | 'locked' = 'active';

  readonly clock: SimClock;
  readonly droplets: SimDroplets;
  readonly firewalls: SimFirewalls;
  readonly images: SimImages;
  readonly keys = new SimKeys();
  readonly volumes = new SimVolumes();
  readonly rateLimit = new SimRateLimit();
  readonly tags = new Set<string>();
  readonly #token: string;

  constructor({ clock, backing, token }: DigitalOceanCloudOptions) {
    this.clock = clock;
    this.#token = token;
    const delays = { create: 20, delete: 2, placement: 5 };
    const metadata = (droplet: SimDroplet) =>
      metadataOf(
        droplet,
        droplet.sshKeys.flatMap((key) => this.keys.find(key)?.public_key ?? []),
      );
    this.droplets = new SimDroplets(clock, backing, delays, metadata, (image) => this.images.diskOf(image));
    this.firewalls = new SimFirewalls(clock, (tag) => this.tags.has(tag));
    this.images = new SimImages(clock);
  }

  async handle(request: SimRequest): Promise<SimAnswer> {
    try {
      const limits = this.rateLimit.take(request, this.clock.now());
      if (request.headers['authorization'] !== `Bearer ${this.#token}`)
        throw new Refusal(401, 'Unauthorized', 'Unable to authenticate you');
      const answer = await this.#route(request);
      return { ...answer, headers: { ...limits, ...answer.headers } };
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    }
  }

  #route(request: SimRequest): SimAnswer | Promise<SimAnswer> {
    for (const { method, path, scopes, handle } of routes) {
      const match = path.exec(request.path);
      if (method !== request.method || !match) continue;
      this.requireScopes(scopes);
      return handle(this, request, match.slice(1));
    }
    throw notFound();
  }

  /** @throws Refusal 403, which does not say which scope it is */
  requireScopes(scopes: readonly string[]): void {
    if (scopes.some((scope) => this.missingScopes.includes(scope)))
      throw new Refusal(403, 'Forbidden', 'You are not authorized to perform this operation');
  }

  /** The tags of a droplet that are in force. */
  tagsOf(droplet: SimDroplet): string[] {
    return this.#age(droplet) < this.tagLagSeconds ? [] : droplet.tags;
  }

  listed(): SimDroplet[] {
    return this.droplets.all().filter((droplet) => this.#age(droplet) >= this.listLagSeconds);
  }

  #age({ createdMs }: SimDroplet): number {
    return (this.clock.now() - createdMs) / 1_000;
  }

  answerDroplet(droplet: SimDroplet): Promise<unknown> {
    return this.droplets.answer(droplet, this.tagsOf(droplet), this.fullRegions.includes(droplet.region));
  }

  machineIds(): string[] {
    return this.droplets.all().map(({ id }) => String(id));
  }

  async plantForeign(name: string): Promise<string> {
    return String(this.plant({ name }).id);
  }

  async plantOurs(count: number): Promise<void> {
    for (let nth = 0; nth < count; nth++) {
      const key = makeKey();
      this.plant({ name: `spuff-${key}`, tags: ['spuff', `spuff-key:${key}`, 'spuff-name:planted'] });
    }
  }

  /** Without a machine behind it. */
  plant(order: Partial<DropletOrder>): SimDroplet {
    const plain = { name: 'web-01', region: 'nyc3', size: 's-1vcpu-1gb', image: 'debian-12-x64' };
    const droplet = this.droplets.make(
      { ...plain, tags: [], sshKeys: [], userData: '', ...order },
      ...([null, false] as const),
    );
    for (const tag of droplet.tags) this.tags.add(tag);
    return droplet;
  }

  async powerOff(id: string): Promise<void> {
    await this.droplets.powerOff(Number(id));
  }

  /**
   * An action as the control panel asks for it. Each is on record for as long as the droplet is, and none is that nobody
   * asked for: a droplet that switches itself off leaves no trace.
   */
  async act(id: string, type: string): Promise<SimAction> {
    const droplet = this.droplets.get(Number(id));
    if (!droplet || !powerActions.includes(type)) throw unprocessable('the simulator knows no such action');
    const action = this.images.begin(droplet, type, this.clock.now() + 3_000);
    droplet.lockedUntilMs = action.endsMs;
    if (type === 'power_off' || type === 'shutdown') await this.droplets.powerOff(droplet.id);
    else await this.droplets.powerOn(droplet.id);
    return action;
  }

  /** Tags are not among it: they cost nothing, and some of ours stay for the next machine. */
  inventory(): Readonly<Record<string, readonly string[]>> {
    const kinds = {
      droplet: this.machineIds(),
      firewall: this.firewalls.all().map(({ id }) => id),
      key: this.keys
        .all()
        .filter(({ name }) => name.startsWith('spuff-'))
        .map(({ id }) => String(id)),
      snapshot: this.images.snapshots().map(({ id }) => String(id)),
      volume: this.volumes.all().map(({ id }) => id),
    };
    return Object.fromEntries(Object.entries(kinds).filter(([, ids]) => ids.length > 0));
  }

  async clear(): Promise<void> {
    await this.droplets.clear();
    for (const kind of [this.firewalls, this.images, this.keys, this.volumes, this.rateLimit, this.tags])
      kind.clear();
    this.tagLagSeconds = 0;
    this.placementFailure = 'vanishes';
    this.accountStatus = 'active';
    this.rateLimit.enabled = true;
  }
}
