import type { CallOptions } from '../../src/domain/provider.ts';
import { ProviderError } from '../../src/domain/provider-error.ts';
import { FakeCloud, type Outcome } from '../contract/fake-cloud.ts';
import { createFakeProvider } from '../contract/fake-provider.ts';
import type { CloudModel, World } from './cloud-model.ts';
import type { SimProcess } from './host.ts';
import { carry } from './line.ts';
import { covers } from './spans.ts';
import { cloudClock } from './virtual-clock.ts';

/** What the provider of local machines says of itself: see `local-provider.ts`, which can't be had without an engine. */
const caps = {
  guestPoweroff: 'stops-compute-billing',
  idempotentCreate: 'unique-name',
  clock: 'this-computer',
  billing: null,
  firewall: 'none',
  prices: 'none',
  snapshots: true,
  listLagSeconds: 0,
} as const;

/** The processes by their signals: a request tells nothing else of who makes it. */
type Callers = WeakMap<AbortSignal, SimProcess>;

class LocalCloud extends FakeCloud {
  readonly #world: World;
  readonly #callers: Callers;

  constructor(world: World, callers: Callers) {
    super(cloudClock(world), caps);
    this.#world = world;
    this.#callers = callers;
  }

  override async request<T>(op: string, call: CallOptions, handle: () => T): Promise<Outcome<T>> {
    const process = this.#callers.get(call.signal);
    const { weather, time } = this.#world;
    if (!process) throw new TypeError('nobody asks');
    if (op === 'snapshots.create' && covers(weather.noSnapshots, time.now()))
      return refusedBy('snapshots can not be taken');
    const outcome = await carry({ ...this.#world, process }, () => super.request(op, call, handle));
    if ('answer' in outcome) return outcome.answer;
    if (outcome.mishap === 'server-error' || outcome.mishap === 'rate-limited')
      return refusedBy('the engine is not itself');
    return { answer: 'lost' };
  }
}

function refusedBy(message: string) {
  const toError = (provider: string, op: string) =>
    new ProviderError('server', message, { provider, op, retryable: true });
  return { answer: 'error', toError } as const;
}

/** Machines on the user's own computer. Everything goes by one clock there, and nothing is billed. */
export function createLocalModel(world: World): CloudModel {
  const callers: Callers = new WeakMap();
  const cloud = new LocalCloud(world, callers);
  return {
    id: 'local',
    open: (process) => {
      callers.set(process.signal, process);
      return createFakeProvider({ id: 'local', runtime: process.runtime, cloud, caps });
    },
    machines: () =>
      cloud.machines
        .filter((machine) => !['deleting', 'gone'].includes(machine.state(world.time.now())))
        .map(({ id, spec }) => ({ id, name: spec.name })),
    powerOff: async (id) => cloud.powerOff(id),
    stop: async (id) => cloud.stop(id),
    start: async (id) => cloud.start(id),
    remove: async (id) => cloud.remove(id),
    // Containers without spuff's label are not in its list at all.
    plantForeign: async () => undefined,
    setListLag: () => undefined,
  };
}
