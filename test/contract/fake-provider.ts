/**
 * A whole cloud in memory, and a provider for it that holds to the contract: what happens at the other end of the line is
 * kept apart from what the provider hears of it, so that answers can be lost, lists can lag and requests can fail.
 */
import type { InstanceKey } from '../../src/domain/ids.ts';
import { isInstanceName } from '../../src/domain/names.ts';
import type {
  CallOptions,
  Capabilities,
  Leftover,
  Provider,
  Runtime,
  SnapshotInfo,
  SnapshotStore,
  Vm,
  VmSpec,
  WhyOff,
} from '../../src/domain/provider.ts';
import { ProviderError, type ProviderErrorCode } from '../../src/domain/provider-error.ts';
import { poll } from '../../src/lib/retry.ts';
import { catalog, describeSpec, price, region, toVm } from './fake-answers.ts';
import { FakeCloud } from './fake-cloud.ts';

export interface FakeProviderOptions {
  runtime: Runtime;
  cloud?: FakeCloud;
  id?: string;
  caps?: Partial<Capabilities>;
}

const pollPolicy = { firstDelayMs: 100, factor: 1.5, maxDelayMs: 2_000, jitter: 0 };
const defaultCaps: Capabilities = {
  nativeTtl: false,
  guestPoweroff: 'nothing',
  idempotentCreate: 'unique-name',
  labelsAtomicWithCreate: true,
  clock: 'its-own',
  listLagSeconds: 0,
  maxUserDataBytes: 32_768,
  userDataReadableInGuest: true,
  billing: { granularity: 'hour', minSeconds: 3_600, minCharge: null },
  firewall: 'none',
  snapshots: true,
  volumes: false,
  spot: false,
  prices: 'api',
  rateLimit: {},
};

/** A provider over a cloud in memory; `cloud` is the other end of the line, to look at and to break. */
export function createFakeProvider(options: FakeProviderOptions): Provider & { cloud: FakeCloud } {
  const { runtime, id = 'fake' } = options;
  const caps = { ...defaultCaps, ...options.caps };
  const cloud = options.cloud ?? new FakeCloud(runtime, caps);
  const client = new Client(cloud, runtime, id, caps);
  return {
    cloud,
    id,
    caps,
    defaults: { region, size: 'small', image: { kind: 'slug', slug: 'debian-12' } },
    checkAccess: (call) =>
      client.send('checkAccess', 'GET', '/account', call, () => ({
        account: 'fake',
        missing: [],
        quota: {},
      })),
    catalog: (call) => client.send('catalog', 'GET', '/catalog', call, () => catalog(caps)),
    plan: (spec) => {
      client.check(spec, 'plan');
      return {
        requests: [{ method: 'POST', path: '/machines', body: describeSpec(spec) }],
        hourly: price(caps),
      };
    },
    create: (spec, call) => client.create(spec, call),
    find: (key, call) => client.find(key, call),
    get: (vmId, call) => client.get('get', vmId, call),
    list: (call) => client.list(call),
    waitFor: (vmId, want, call) => client.waitFor(vmId, want, call),
    destroy: (vmId, call) => client.destroy(vmId, call),
    setExpiry: (vmId, expiresAt, call) => client.setExpiry(vmId, expiresAt, call),
    whyOff: (vmId, call) => client.whyOff(vmId, call),
    leftovers: (key, call) => client.leftovers(key, call),
    removeLeftover: (leftover, call) => client.removeLeftover(leftover, call),
    ...(caps.snapshots && { snapshots: createSnapshots(client) }),
  };
}

class Client {
  readonly #cloud: FakeCloud;
  readonly #runtime: Runtime;
  readonly #id: string;
  readonly #caps: Capabilities;

  constructor(cloud: FakeCloud, runtime: Runtime, id: string, caps: Capabilities) {
    this.#cloud = cloud;
    this.#runtime = runtime;
    this.#id = id;
    this.#caps = caps;
  }

  get cloud(): FakeCloud {
    return this.#cloud;
  }

  fail(
    code: ProviderErrorCode,
    op: string,
    message: string,
    more: { retryable?: boolean; field?: string } = {},
  ): ProviderError {
    return new ProviderError(code, message, { provider: this.#id, op, retryable: false, ...more });
  }

  /** One request over the line, unless the call is over already. */
  async send<T>(op: string, method: string, url: string, call: CallOptions, handle: () => T): Promise<T> {
    call.signal.throwIfAborted();
    if (this.#runtime.now() >= call.deadline.getTime())
      throw this.fail('timeout', op, 'no answer in time', { retryable: true });
    call.onRequest?.({ method, url });
    call.signal.throwIfAborted();
    const outcome = await this.#cloud.request(op, call, handle);
    if (outcome.answer === 'value') return outcome.value;
    if (outcome.answer === 'error') throw outcome.toError(this.#id, op);
    throw this.fail('network', op, 'the connection broke before the answer came', {
      retryable: method === 'GET',
    });
  }

  check(spec: VmSpec, op: string): void {
    const bytes = Buffer.byteLength(spec.userData);
    if (bytes > this.#caps.maxUserDataBytes) {
      throw this.fail('invalid', op, `the user data has ${bytes} bytes`, { field: 'userData' });
    }
    if (!isInstanceName(spec.instanceName))
      throw this.fail('invalid', op, 'that is no name', { field: 'instanceName' });
    if (spec.name !== `spuff-${spec.key}`)
      throw this.fail('invalid', op, 'that is not the name of the key', { field: 'name' });
    const { sizes, regions, images } = catalog(this.#caps);
    if (!sizes.some(({ id }) => id === spec.size))
      throw this.fail('invalid', op, 'there is no such size', { field: 'size' });
    if (!regions.some(({ id }) => id === spec.region)) {
      throw this.fail('region-unavailable', op, 'there is no such region', { field: 'region' });
    }
    const { image } = spec;
    if (image.kind === 'slug' && !images.some(({ name }) => name === image.slug)) {
      throw this.fail('not-found', op, 'there is no such image', { field: 'image' });
    }
  }

  /** With a unique name the cloud refuses a second one; without, the key is looked up first, and after a lost answer. */
  async create(spec: VmSpec, call: CallOptions): Promise<Vm> {
    this.check(spec, 'create');
    const existing = await this.find(spec.key, call);
    if (existing) return existing;
    for (;;) {
      try {
        const machine = await this.send('create', 'POST', '/machines', call, () => this.#cloud.make(spec));
        return toVm(machine, this.#caps, this.#runtime);
      } catch (error) {
        if (!(error instanceof ProviderError) || !['network', 'name-taken'].includes(error.providerCode))
          throw error;
        const made = await this.#lookUp(spec.key, call);
        if (made) return made;
        if (this.#caps.idempotentCreate === 'none' && error.providerCode === 'network') {
          throw this.fail('ambiguous', 'create', 'the answer was lost and the machine is not listed');
        }
      }
    }
  }

  /** Looks the key up for as long as a machine may be missing from the list. */
  async #lookUp(key: InstanceKey, call: CallOptions): Promise<Vm | null> {
    // The last look must come after the lag, so there is room for one more delay.
    const until = this.#runtime.now() + this.#caps.listLagSeconds * 1_000 + pollPolicy.maxDelayMs;
    const found = await poll(async () => (await this.find(key, call)) ?? undefined, {
      policy: pollPolicy,
      runtime: this.#runtime,
      signal: call.signal,
      deadlineMs: Math.min(until, call.deadline.getTime()),
    });
    return found ?? null;
  }

  async find(key: InstanceKey, call: CallOptions): Promise<Vm | null> {
    const machines = await this.send('find', 'GET', `/machines?key=${key}`, call, () => this.#cloud.listed());
    const machine = machines.find((one) => one.spec.key === key);
    return machine ? toVm(machine, this.#caps, this.#runtime) : null;
  }

  async get(op: string, id: string, call: CallOptions): Promise<Vm | null> {
    const machine = await this.send(op, 'GET', `/machines/${encodeURIComponent(id)}`, call, () =>
      this.#cloud.machine(id),
    );
    return machine ? toVm(machine, this.#caps, this.#runtime) : null;
  }

  async *list(call: CallOptions): AsyncIterable<Vm> {
    const machines = await this.send('list', 'GET', '/machines', call, () => this.#cloud.listed());
    yield* machines.map((machine) => toVm(machine, this.#caps, this.#runtime));
  }

  async waitFor(id: string, want: 'running' | 'stopped' | 'gone', call: CallOptions): Promise<Vm | null> {
    const reached = await poll(
      async () => {
        const vm = await this.get('waitFor', id, call);
        if (vm === null && want === 'gone') return { vm };
        if (vm === null) throw this.fail('not-found', 'waitFor', 'the machine is gone');
        if (vm.state === want) return { vm };
        if (vm.state === 'failed')
          throw this.fail('action-failed', 'waitFor', `the machine failed; it was to be ${want}`);
        return undefined;
      },
      {
        policy: pollPolicy,
        runtime: this.#runtime,
        signal: call.signal,
        deadlineMs: call.deadline.getTime(),
      },
    );
    if (reached) return reached.vm;
    throw this.fail('timeout', 'waitFor', `the machine was not ${want} in time`, { retryable: true });
  }

  async destroy(id: string, call: CallOptions & { expectKey: InstanceKey }): Promise<void> {
    const vm = await this.get('destroy', id, call);
    if (vm === null) return;
    if (vm.key !== call.expectKey) throw this.fail('protected', 'destroy', 'the machine has another key');
    await this.send('destroy', 'DELETE', `/machines/${encodeURIComponent(id)}`, call, () =>
      this.#cloud.remove(id),
    );
    await this.waitFor(id, 'gone', call);
  }

  async setExpiry(
    id: string,
    expiresAt: Date | null,
    call: CallOptions & { expectKey: InstanceKey },
  ): Promise<void> {
    const vm = await this.get('setExpiry', id, call);
    if (vm === null) throw this.fail('not-found', 'setExpiry', 'there is no such machine');
    if (vm.key !== call.expectKey) throw this.fail('protected', 'setExpiry', 'the machine has another key');
    await this.send('setExpiry', 'PUT', `/machines/${encodeURIComponent(id)}/labels`, call, () => {
      const machine = this.#cloud.machine(id);
      if (machine) machine.spec = { ...machine.spec, expiresAt };
    });
  }

  async whyOff(id: string, call: CallOptions): Promise<WhyOff> {
    const machine = await this.send(
      'whyOff',
      'GET',
      `/machines/${encodeURIComponent(id)}/actions`,
      call,
      () => this.#cloud.machine(id),
    );
    if (machine?.state(this.#runtime.now()) !== 'stopped') return 'unknown';
    return machine.switchedOffBy ?? 'unknown';
  }

  async *leftovers(key: InstanceKey | null, call: CallOptions): AsyncIterable<Leftover> {
    const all = await this.send('leftovers', 'GET', '/leftovers', call, () => this.#cloud.leftovers);
    yield* all.filter((leftover) => key === null || leftover.key === key);
  }

  async removeLeftover(leftover: Leftover, call: CallOptions): Promise<void> {
    const path = `/leftovers/${encodeURIComponent(leftover.id)}`;
    await this.send('removeLeftover', 'DELETE', path, call, () => this.#cloud.removeLeftover(leftover.id));
  }
}

function createSnapshots(client: Client): SnapshotStore {
  return {
    async create(id, name, call): Promise<SnapshotInfo> {
      if (!/^[^\p{Cc}\p{Cf}]{1,100}$/u.test(name))
        throw client.fail('invalid', 'snapshots.create', 'that is no name');
      const vm = await client.get('snapshots.create', id, call);
      if (vm === null) throw client.fail('not-found', 'snapshots.create', 'there is no such machine');
      if (vm.key !== call.expectKey)
        throw client.fail('protected', 'snapshots.create', 'the machine has another key');
      return client.send('snapshots.create', 'POST', '/snapshots', call, () =>
        client.cloud.takeSnapshot(id, name),
      );
    },
    async *list(call) {
      yield* await client.send('snapshots.list', 'GET', '/snapshots', call, () => [
        ...client.cloud.snapshots,
      ]);
    },
    async delete(id, call) {
      const path = `/snapshots/${encodeURIComponent(id)}`;
      await client.send('snapshots.delete', 'DELETE', path, call, () => client.cloud.deleteSnapshot(id));
    },
  };
}
