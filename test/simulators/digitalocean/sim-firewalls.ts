import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import type { Runtime } from '../../../src/domain/provider.ts';
import type { SimRequest } from '../sim-server.ts';
import { bodyOf, Refusal, textsOf, timeOf, unprocessable } from './answers.ts';

interface Rule {
  protocol: string;
  ports: string;
  sources?: { addresses?: unknown };
  destinations?: { addresses?: unknown };
}

export interface SimFirewall {
  id: string;
  name: string;
  tags: string[];
  droplet_ids: number[];
  inbound_rules: Rule[];
  outbound_rules: Rule[];
  created_at: string;
}

/** The firewalls of the simulated cloud; who is let through is asked of `lets`. */
export class SimFirewalls {
  readonly #clock: Runtime;
  /** Whether a tag exists: a firewall can name no other. */
  readonly #tagExists: (tag: string) => boolean;
  readonly #firewalls = new Map<string, SimFirewall>();

  constructor(clock: Runtime, tagExists: (tag: string) => boolean) {
    this.#clock = clock;
    this.#tagExists = tagExists;
  }

  all(): SimFirewall[] {
    return [...this.#firewalls.values()];
  }

  get(id: string): SimFirewall | undefined {
    return this.#firewalls.get(id);
  }

  answer(firewall: SimFirewall): unknown {
    return { ...firewall, status: 'succeeded', pending_changes: [] };
  }

  make(request: SimRequest): SimFirewall {
    const fields = this.#read(request);
    if (this.all().some(({ name }) => name === fields.name))
      throw new Refusal(409, 'conflict', 'duplicate name');
    const created = { id: randomUUID(), created_at: timeOf(this.#clock.now()) };
    const firewall = { ...created, ...fields };
    this.#firewalls.set(firewall.id, firewall);
    return firewall;
  }

  replace(firewall: SimFirewall, request: SimRequest): SimFirewall {
    return Object.assign(firewall, this.#read(request));
  }

  remove(id: string): void {
    this.#firewalls.delete(id);
  }

  clear(): void {
    this.#firewalls.clear();
  }

  /** A tag that is deleted goes from what it was on. */
  untag(tag: string): void {
    for (const firewall of this.all()) firewall.tags = firewall.tags.filter((one) => one !== tag);
  }

  /** Whether somebody at that address gets through to a port: the rules of all firewalls of a droplet add up. */
  lets(droplet: { id: number; tags: readonly string[] }, address: string, port: string): boolean {
    const own = this.all().filter(
      ({ tags, droplet_ids }) =>
        droplet_ids.includes(droplet.id) || tags.some((tag) => droplet.tags.includes(tag)),
    );
    if (own.length === 0) return true;
    return own
      .flatMap(({ inbound_rules }) => inbound_rules)
      .some(({ ports, sources }) => ports === port && textsOf(sources?.addresses).includes(address));
  }

  #read(request: SimRequest): Omit<SimFirewall, 'id' | 'created_at'> {
    const body = bodyOf(request);
    const name = String(body['name'] ?? '');
    if (!/^[a-zA-Z0-9][a-zA-Z0-9.-]+$/.test(name)) throw unprocessable('firewall name is invalid');
    const tags = textsOf(body['tags']);
    const unknown = tags.find((tag) => !this.#tagExists(tag));
    if (unknown !== undefined) throw unprocessable(`tag ${unknown} does not exist`);
    const inbound = rulesOf(body['inbound_rules']);
    const outbound = rulesOf(body['outbound_rules']);
    if (inbound.length + outbound.length === 0) throw unprocessable('firewall must have at least one rule');
    const ids = textsOf(body['droplet_ids']).map(Number);
    return { name, tags, droplet_ids: ids, inbound_rules: inbound, outbound_rules: outbound };
  }
}

function rulesOf(value: unknown): Rule[] {
  const rules = Array.isArray(value) ? (value as Rule[]) : [];
  for (const { sources, destinations } of rules) {
    for (const address of textsOf((sources ?? destinations)?.addresses))
      if (isIP(address.split('/')[0] ?? '') === 0) throw unprocessable(`invalid address ${address}`);
  }
  return rules;
}
