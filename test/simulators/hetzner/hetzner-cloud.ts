/** A simulated project of Hetzner Cloud: its API with its state, to be looked at, filled and broken. */
import type { SimulatedCloud } from '../../contract/cloud-harness.ts';
import { makeSpec } from '../../machine/lab.ts';
import type { MachineBacking } from '../machine-backing.ts';
import type { SimClock } from '../sim-clock.ts';
import type { SimAnswer, SimRequest } from '../sim-server.ts';
import { type Labels, Refusal } from './answers.ts';
import { locations, serverTypes, systemImages } from './offers.ts';
import { findRoute } from './routes.ts';
import { addServer, type ServerRules } from './servers.ts';
import { SimState } from './state.ts';

/** As long and as mixed as a real one. */
export const simToken = 'Sim0'.repeat(16);
export const readWrite = 'Read & Write';

export class HetznerCloud implements SimulatedCloud, ServerRules {
  listLagSeconds = 0;
  fullRegions: string[] = [];
  failNextPlacement = false;
  failNextImage = false;
  machineLimit = 1_000;
  missingScopes: string[] = [];
  /** How much of the clock's time each request takes, for clients that sleep by a clock of their own. */
  msPerRequest = 0;
  /** Of the 3600 an hour; one comes back each second. */
  requestsLeft = 3_600;
  readonly state: SimState;
  readonly #clock: SimClock;
  #refilledMs: number;

  constructor(clock: SimClock, backing: MachineBacking) {
    this.#clock = clock;
    this.#refilledMs = clock.now();
    this.state = new SimState(clock, backing);
  }

  async handle(request: SimRequest): Promise<SimAnswer> {
    this.#clock.advance(this.msPerRequest);
    await this.state.settle();
    const headers = this.#takeRequest();
    try {
      this.#admit(request);
      const answer = await findRoute(request)(this, request);
      return { ...answer, headers: { ...headers, ...answer.headers } };
    } catch (error) {
      if (error instanceof Refusal) return { ...error.answer, headers };
      throw error;
    }
  }

  #takeRequest(): Record<string, string> {
    const nowMs = this.#clock.now();
    const refill = Math.floor((nowMs - this.#refilledMs) / 1_000);
    this.#refilledMs += refill * 1_000;
    this.requestsLeft = Math.min(3_600, this.requestsLeft + refill) - 1;
    const fullAtSeconds = Math.ceil(nowMs / 1_000) + 3_600 - Math.max(0, this.requestsLeft);
    return {
      'ratelimit-limit': '3600',
      'ratelimit-remaining': String(Math.max(0, this.requestsLeft)),
      'ratelimit-reset': String(fullAtSeconds),
      'x-correlation-id': '0123456789abcdef',
    };
  }

  #admit(request: SimRequest): void {
    if (this.requestsLeft < 0) {
      this.requestsLeft = 0;
      const token = `${simToken.slice(0, 32)}...`;
      throw new Refusal(
        ...([
          429,
          'rate_limit_exceeded',
          `Limit of '3600' requests per hour for token '${token}' reached.`,
        ] as const),
      );
    }
    if (request.headers['authorization'] !== `Bearer ${simToken}`)
      throw new Refusal(401, 'unauthorized', 'unable to authenticate');
    if (request.method !== 'GET' && this.missingScopes.includes(readWrite))
      throw new Refusal(401, 'token_readonly', 'the token is only allowed to perform GET requests');
  }

  machineIds(): string[] {
    return [...this.state.servers.keys()].map(String);
  }

  async plantForeign(name: string): Promise<string> {
    return this.#plant(name, {});
  }

  async plantOurs(count: number): Promise<void> {
    for (let nth = 0; nth < count; nth++) {
      const { key, name, instanceName, owner } = makeSpec();
      await this.#plant(name, {
        'spuff.kind': 'machine',
        'spuff.key': key,
        'spuff.instance': instanceName,
        'spuff.owner': owner,
      });
    }
  }

  async #plant(name: string, labels: Labels): Promise<string> {
    const [, location] = locations;
    const type = serverTypes.find((one) => one.name === 'cpx22');
    const [image] = systemImages;
    if (!location || !type || !image) throw new Error('the offers have changed');
    const createdMs = this.#clock.now() - 3_600_000;
    const order = { name, labels, location, type, image, userData: '', publicKeys: [], createdMs };
    return String((await addServer(this.state, order)).id);
  }

  inventory(): Readonly<Record<string, readonly string[]>> {
    const { servers, firewalls, sshKeys, possessions, images } = this.state;
    const owned = [...possessions.values()];
    const all: Record<string, { id: number }[]> = {
      server: [...servers.values()],
      firewall: [...firewalls.values()],
      sshkey: [...sshKeys.values()].filter(({ labels }) => 'spuff.kind' in labels),
      volume: owned.filter(({ kind }) => kind === 'volume'),
      ip: owned.filter(({ kind }) => kind !== 'volume'),
      snapshot: [...images.values()].filter(({ type }) => type === 'snapshot'),
    };
    const there = Object.entries(all).filter(([, things]) => things.length > 0);
    return Object.fromEntries(there.map(([kind, things]) => [kind, things.map(({ id }) => String(id))]));
  }

  async clear(): Promise<void> {
    await this.state.clear();
    Object.assign(this, { failNextImage: false, requestsLeft: 3_600 });
  }
}
