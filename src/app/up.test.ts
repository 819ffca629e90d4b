/** `up` where it fails, is resumed, or is not alone: over the real journal, with a provider and ssh that the test leads. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeOutcome, runLine } from '../../test/fakes/cli-run.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import type { Instance, InstancePhase } from '../domain/instance.ts';
import type { Capabilities, Provider, Vm } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import type { Ssh } from '../domain/ssh.ts';
import type { StateStore } from '../domain/state.ts';
import type { ProcessTable } from '../lib/process-identity.ts';
import { makeHostKey } from '../ssh/host-key.ts';
import { openStateStore } from '../state/state-store.ts';

const login = makeHostKey('login');
const steps = ['create', 'address', 'identity', 'agent', 'first-boot'];

let folder: string;
let stores: StateStore[];
/** Numbers of the processes that live. */
let alive: Set<number>;
/** What the cloud has, and what it was asked for. */
let machines: Map<string, Vm>;
let log: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-up-'));
  [stores, alive, machines, log] = [[], new Set([1, 2, 3]), new Map(), []];
});
afterEach(() => {
  for (const store of stores) store.close();
  rmSync(folder, { recursive: true });
});

/** The state as the process of this number has it. */
function openAs(pid: number): StateStore {
  const identify = (number: number) => ({ host: 'h', bootId: 'b', pid: number, startedAt: String(number) });
  const processes: ProcessTable = {
    self: () => identify(pid),
    liveness: (one) => (alive.has(one.pid) ? 'alive' : 'dead'),
    describe: () => null,
  };
  const store = openStateStore({ path: join(folder, 'state.db'), processes });
  stores.push(store);
  return store;
}

function phases(): InstancePhase[] {
  return openAs(9)
    .listInstances()
    .map(({ phase }) => phase);
}

function makeProvider(change: Partial<Provider> = {}): Partial<Provider> {
  const toVm = (key: string) =>
    ({
      id: 'vm1',
      key,
      state: 'running',
      rawState: 'running',
      arch: 'x86_64',
      ssh: { host: '127.0.0.1', port: 2222 },
    }) as Vm;
  return {
    caps: { maxUserDataBytes: 65_536, billing: null, firewall: 'none' } as Capabilities,
    defaults: { region: 'here', size: 'small', image: { kind: 'slug', slug: 'debian-12' } },
    plan: () => ({ requests: [], hourly: null }),
    create: async ({ key, size }) => {
      log.push(`create ${size}`);
      machines.set(key, toVm(key));
      return toVm(key);
    },
    find: async (key) => machines.get(key) ?? null,
    waitFor: async () => [...machines.values()][0] ?? null,
    destroy: async (_id, { expectKey }) => {
      log.push(`destroy while ${phases().join()}`);
      machines.delete(expectKey);
    },
    async *leftovers() {
      yield* [];
    },
    ...change,
  };
}

const ssh: Partial<Ssh> = {
  makeHostKey,
  findLoginKeys: async () => ({ publicKeys: [login.publicKey], publicKeyPath: null, notes: [] }),
  establishIdentity: async ({ identity }, save) => {
    const pinned = {
      phase: 'pinned' as const,
      injectedPublicKey: identity.injectedPublicKey,
      publicKey: login.publicKey,
    };
    save(pinned);
    return pinned;
  },
  forget: async () => undefined,
  disconnect: async () => undefined,
};

function run(argv: string[], pid: number, change: Partial<Provider> = {}): Promise<FakeOutcome> {
  return runLine(argv, { state: openAs(pid), ssh, provider: makeProvider(change) });
}

/** An instance whose making was killed when so many of its steps were done. */
function leaveUnfinished(done: number, change: Partial<Instance> = {}): Instance {
  const instance = sampleInstance({ phase: 'creating', readyAt: null, vmId: 'vm1', ...change });
  const state = openAs(4);
  state.insertInstance(instance);
  const { id } = state.beginOperation('up', instance.key);
  state.recordStep(id, {
    name: 'plan',
    status: 'done',
    output: { sshPublicKeys: [login.publicKey], owner: 'o' },
  });
  for (const name of steps.slice(0, done)) state.recordStep(id, { name, status: 'done' });
  machines.set(instance.key, { id: 'vm1', key: instance.key, state: 'running' } as Vm);
  return instance;
}

describe('an unfinished instance', () => {
  it('is finished by one of two, and the other one, however slow, does not touch it', async () => {
    leaveUnfinished(steps.length);
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const find: Provider['find'] = async (key) => {
      await held;
      return machines.get(key) ?? null;
    };
    const slow = run(['up', 'demo'], 2, { find });
    expect(await run(['up', 'demo'], 3)).toMatchObject({ status: 0 });
    letGo();
    expect(await slow).toMatchObject({ status: 5, err: expect.stringContaining('finished or removed demo') });
    expect(log).toEqual([]);
    expect(phases()).toEqual(['ready']);
  });

  it('that was lost after first contact is never ordered again', async () => {
    const { key } = leaveUnfinished(0, { vmId: null });
    machines.delete(key);
    const outcome = await run(['up', 'demo'], 2);
    expect(outcome).toMatchObject({ status: 5, bugs: [] });
    expect(outcome.err).toContain('is gone');
    expect(log).toEqual([]);
    expect(phases()).toEqual([]);
  });

  it('that is there after first contact is taken up, without an order', async () => {
    leaveUnfinished(0);
    // The next step is the agent's, which these fakes do not have.
    await run(['up', 'demo'], 2);
    expect(log).toEqual(['destroy while destroying']);
  });
});

describe('an undo', () => {
  const refusing: Provider['destroy'] = () =>
    Promise.reject(
      new ProviderError('network', 'the line is down', { provider: 'fake', op: 'destroy', retryable: true }),
    );

  it('that fails names what is left, and down finishes it; up does not go on with it', async () => {
    // There is no agent in these fakes, so that step is a bug; what is left must be told all the same.
    const first = await run(['up', 'demo'], 2, { destroy: refusing });
    expect(first.status).toBe(70);
    expect(first.err).toMatch(
      /could not be undone: machine ordered: the line is down\n.*spuff down demo\n.*report/s,
    );
    expect(phases()).toEqual(['destroying']);
    const second = await run(['up', 'demo'], 3);
    expect(second).toMatchObject({ status: 5, bugs: [] });
    expect(second.err).toContain('finish that first: spuff down demo');
    expect(await run(['down', 'demo'], 3)).toMatchObject({ status: 0 });
    expect([machines.size, phases()]).toEqual([0, []]);
  });

  it('is on record before it begins', async () => {
    await run(['up', 'demo'], 2);
    expect(log).toEqual(['create small', 'destroy while destroying']);
    expect(phases()).toEqual([]);
  });
});

it('a machine whose readiness can not be written down stays, and up finishes it later', async () => {
  leaveUnfinished(steps.length);
  const state = openAs(2);
  const full = new Proxy(state, {
    get: (target, name) => {
      if (name === 'updateInstance')
        return () => {
          throw new TypeError('the disk is full');
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const first = await runLine(['up', 'demo'], { state: full, ssh, provider: makeProvider() });
  expect(first.status).toBe(70);
  expect(log).toEqual([]);
  expect(phases()).toEqual(['creating']);
  alive.delete(2);
  expect(await run(['up', 'demo'], 3)).toMatchObject({ status: 0 });
  expect(phases()).toEqual(['ready']);
});

it('what the provider is sure to refuse is refused before anything is written or made', async () => {
  const plan: Provider['plan'] = () => {
    throw new ProviderError('invalid', 'there is no size 3gb', {
      provider: 'fake',
      op: 'plan',
      retryable: false,
    });
  };
  expect(await run(['up', 'demo', '--size', '3gb'], 2, { plan })).toMatchObject({ status: 14 });
  expect([log, phases()]).toEqual([[], []]);
});

it('who is first has its own wishes, and the other one is told', async () => {
  const create: Provider['create'] = () => new Promise(() => undefined);
  void run(['up', 'demo', '--size', 'first'], 2, { create });
  while (phases().length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const second = await run(['up', 'demo', '--size', 'second'], 3);
  expect(second).toMatchObject({ status: 5, err: expect.stringContaining('at work on demo') });
  expect(openAs(9).listInstances()).toMatchObject([{ size: 'first' }]);
});

describe('a region without room', () => {
  const full: (...regions: string[]) => Provider['create'] =
    (...regions) =>
    async ({ key, region }) => {
      log.push(`${region}, on record as ${openAs(9).listInstances()[0]?.region}`);
      if (!regions.includes(region)) return { id: 'vm1', key, state: 'running' } as Vm;
      throw new ProviderError('capacity', `${region} is full`, {
        provider: 'fake',
        op: 'create',
        retryable: true,
      });
    };

  it('is followed by the next one that the user names, on record before it is tried', async () => {
    const outcome = await run(['up', 'demo', '--region', 'a,b,c'], 2, { create: full('a', 'b') });
    expect(log.slice(0, 3)).toEqual(['a, on record as a', 'b, on record as b', 'c, on record as c']);
    expect(outcome.err).toContain('a has no room for small: trying b');
  });

  it('is the end where there is no other', async () => {
    expect(await run(['up', 'demo', '--region', 'a,b'], 2, { create: full('a', 'b') })).toMatchObject({
      status: 13,
      err: expect.stringContaining('b is full'),
    });
    expect(phases()).toEqual([]);
  });
});
