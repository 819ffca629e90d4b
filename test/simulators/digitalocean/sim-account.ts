import { createHash, randomUUID } from 'node:crypto';
import type { SimRequest } from '../sim-server.ts';
import { bodyOf, Refusal, unprocessable } from './answers.ts';

export interface SimKey {
  id: number;
  name: string;
  fingerprint: string;
  public_key: string;
}

/** The SSH keys of the account: one of a kind, known by its fingerprint. */
export class SimKeys {
  readonly #keys = new Map<number, SimKey>();
  #nextId = 512_189;

  all(): SimKey[] {
    return [...this.#keys.values()];
  }

  find(identifier: string): SimKey | undefined {
    return this.all().find(({ id, fingerprint }) => [String(id), fingerprint].includes(identifier));
  }

  make(request: SimRequest): SimKey {
    const body = bodyOf(request);
    return this.add(String(body['name'] ?? ''), String(body['public_key'] ?? ''));
  }

  add(name: string, publicKey: string): SimKey {
    const [kind = '', blob = ''] = publicKey.split(' ');
    const bytes = Buffer.from(blob, 'base64');
    if (name === '' || bytes.subarray(4, 4 + kind.length).toString() !== kind || kind === '')
      throw unprocessable('Key invalid, key should be of the format `type key [comment]`');
    const digest = createHash('md5').update(bytes).digest('hex');
    const fingerprint = digest.match(/../g)?.join(':') ?? '';
    if (this.find(fingerprint)) throw unprocessable('SSH Key is already in use on your account');
    const key = { id: this.#nextId++, name, fingerprint, public_key: publicKey };
    this.#keys.set(key.id, key);
    return key;
  }

  remove({ id }: SimKey): void {
    this.#keys.delete(id);
  }

  clear(): void {
    this.#keys.clear();
  }
}

export interface SimVolume {
  id: string;
  name: string;
  tags: string[];
  droplet_ids: number[];
}

export class SimVolumes {
  readonly #volumes = new Map<string, SimVolume>();

  all(): SimVolume[] {
    return [...this.#volumes.values()];
  }

  get(id: string): SimVolume | undefined {
    return this.#volumes.get(id);
  }

  plant(name: string, tags: string[], dropletIds: number[] = []): SimVolume {
    const volume = { id: randomUUID(), name, tags, droplet_ids: dropletIds };
    this.#volumes.set(volume.id, volume);
    return volume;
  }

  answer(volume: SimVolume): unknown {
    return { ...volume, size_gigabytes: 10, description: '', created_at: '2026-03-02T17:00:49Z' };
  }

  /** @param isLive whether a droplet is still there to be attached to */
  remove(volume: SimVolume, isLive: (id: number) => boolean): void {
    if (volume.droplet_ids.some(isLive))
      throw new Refusal(409, 'conflict', 'failed to delete volume: it is still attached to a droplet');
    this.#volumes.delete(volume.id);
  }

  clear(): void {
    this.#volumes.clear();
  }
}

/** 250 requests in a minute and 5000 in an hour; the list of keys, 10 in a minute. */
export class SimRateLimit {
  enabled = true;
  #times: number[] = [];
  #keyLists: number[] = [];

  /** @throws Refusal 429 */
  take(request: SimRequest, nowMs: number): Record<string, string> {
    this.#times = this.#times.filter((time) => time > nowMs - 3_600_000);
    this.#keyLists = this.#keyLists.filter((time) => time > nowMs - 60_000);
    const minute = this.#times.filter((time) => time > nowMs - 60_000);
    const isKeyList = request.method === 'GET' && request.path === '/v2/account/keys';
    const reset = Math.ceil(((this.#times[0] ?? nowMs) + 3_600_000) / 1_000);
    const headers = (remaining: number) => ({
      'ratelimit-limit': '5000',
      'ratelimit-remaining': String(Math.max(0, remaining)),
      'ratelimit-reset': String(reset),
    });
    const burst =
      minute.length >= 250 ? minute : isKeyList && this.#keyLists.length >= 10 ? this.#keyLists : null;
    if (this.enabled && burst) {
      const waitSeconds = Math.ceil(((burst[0] ?? nowMs) + 60_000 - nowMs) / 1_000) + 1;
      throw tooMany({ ...headers(5_000 - this.#times.length), 'retry-after': String(waitSeconds) });
    }
    if (this.enabled && this.#times.length >= 5_000) throw tooMany(headers(0));
    this.#times.push(nowMs);
    if (isKeyList) this.#keyLists.push(nowMs);
    return headers(5_000 - this.#times.length);
  }

  clear(): void {
    this.#times = [];
    this.#keyLists = [];
  }
}

function tooMany(headers: Record<string, string>): Refusal {
  return new Refusal(429, 'too_many_requests', 'API rate limit exceeded.', headers);
}
