import type Dockerode from 'dockerode';
import type { ContainerCreateOptions } from 'dockerode';
import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Provider, Runtime, Vm, VmSpec } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { poll } from '../../lib/retry.ts';
import type { Engine, EngineCall } from './engine.ts';
import { readCapacity } from './engine-capacity.ts';
import { engineMessage, statusOf } from './engine-errors.ts';
import { findImage } from './image-lookup.ts';
import { withLease, writeLease } from './lease-mark.ts';
import { containerExists, findMachine, getMachine, listMachines } from './machine-lookup.ts';
import { checkSpec, containerRequest, makeSeed } from './machine-request.ts';
import { pollPolicy, waitForState } from './machine-wait.ts';
import { ensureNetwork, removeNetworkIfUnused } from './network.ts';
import { checkFits } from './sizes.ts';
import { readWhyOff } from './why-off.ts';

type Machines = Pick<
  Provider,
  'create' | 'find' | 'get' | 'list' | 'waitFor' | 'destroy' | 'setExpiry' | 'whyOff'
>;

export function createMachines(engine: Engine, runtime: Runtime): Machines {
  return {
    async create(spec, options) {
      checkSpec(spec, 'create');
      return engine.call('create', options, (call) => createMachine(call, runtime, spec));
    },
    find(key, options) {
      return engine.call('find', options, ({ docker }) => leased(docker, findMachine(docker, key)));
    },
    get(id, options) {
      return engine.call('get', options, ({ docker }) => leased(docker, getMachine(docker, id)));
    },
    async *list(options) {
      yield* await engine.call('list', options, async ({ docker }) => {
        const machines = await listMachines(docker);
        return Promise.all(machines.map((vm) => withLease(docker, vm)));
      });
    },
    waitFor(id, want, options) {
      return engine.call('waitFor', options, (call) =>
        leased(call.docker, waitForState(call, runtime, id, want, options)),
      );
    },
    destroy(id, options) {
      return engine.call('destroy', options, (call) => destroyMachine(call, runtime, id, options));
    },
    setExpiry(id, expiresAt, options) {
      return engine.call('setExpiry', options, ({ docker }) => writeLease(docker, id, expiresAt, options));
    },
    whyOff(id, options) {
      return engine.call('whyOff', options, ({ docker }) => readWhyOff(docker, id));
    },
  };
}

async function leased(docker: Dockerode, found: Promise<Vm | null>): Promise<Vm | null> {
  const vm = await found;
  return vm && withLease(docker, vm);
}

/**
 * The container's name is the key, so the engine itself refuses a second one. Each step does nothing when it was done
 * before: a call that died half-way is finished by the next.
 */
async function createMachine(call: EngineCall, runtime: Runtime, spec: VmSpec): Promise<Vm> {
  const { docker } = call;
  const existing = await findMachine(docker, spec.key);
  if (existing && existing.state !== 'provisioning') return existing;
  if (!existing) {
    const [image, capacity] = await Promise.all([
      findImage(docker, spec.image, 'create'),
      readCapacity(docker),
    ]);
    checkFits(spec.size, capacity, 'create');
    await ensureNetwork(call, runtime);
    await createContainer(call, runtime, spec, containerRequest(spec, image, capacity));
  }
  const vm = await startContainer(call, runtime, spec);
  if (vm) return vm;
  throw new ProviderError('ambiguous', `${spec.name} was removed while it was made`, {
    provider: 'local',
    op: 'create',
    retryable: true,
  });
}

/**
 * An engine reserves a name some moments before it shows the container, and gives it back when that fails: so a taken
 * name with nothing behind it is asked for again.
 */
async function createContainer(
  call: EngineCall,
  runtime: Runtime,
  spec: VmSpec,
  request: ContainerCreateOptions,
): Promise<void> {
  const { docker, signal, settle } = call;
  for (let attempt = 1; ; attempt++) {
    try {
      await settle((patient) => patient.createContainer(request));
      return;
    } catch (error) {
      // Podman says 500 where Docker says 409.
      if (statusOf(error) !== 409 && !/already in use/.test(engineMessage(error))) throw error;
      // In this order: one of ours that comes to be between the two looks is found by the second.
      const exists = await containerExists(docker, spec.name);
      if (await findMachine(docker, spec.key)) return;
      if (attempt === 100 || exists) throw nameTaken(spec.name, error);
      await runtime.sleep(50, signal);
    }
  }
}

function nameTaken(name: string, cause: unknown): ProviderError {
  return new ProviderError(
    'name-taken',
    `a container that is not ours bears the name ${name}: ${engineMessage(cause)}`,
    {
      provider: 'local',
      op: 'create',
      retryable: false,
      status: 409,
      cause,
    },
  );
}

/** Gives null when the container is gone. */
async function startContainer(call: EngineCall, runtime: Runtime, spec: VmSpec): Promise<Vm | null> {
  const { docker, settle } = call;
  const seed = await makeSeed(spec);
  for (let attempt = 1; ; attempt++) {
    const vm = await findMachine(docker, spec.key);
    if (vm?.state !== 'provisioning') return vm;
    try {
      // As one: a machine that is half-way to its start can't be removed.
      await settle(async (patient) => {
        const container = patient.getContainer(spec.name);
        await container.putArchive(seed, { path: '/' });
        await container.start();
      });
    } catch (error) {
      if (statusOf(error) === 304) continue;
      // Another machine's end may have taken the network away between our look and the start.
      if (statusOf(error) !== 404 || attempt === 3) throw error;
      await ensureNetwork(call, runtime);
    }
  }
}

async function destroyMachine(
  call: EngineCall,
  runtime: Runtime,
  id: string,
  options: CallOptions & { expectKey: InstanceKey },
): Promise<void> {
  const { docker, signal } = call;
  const vm = await getMachine(docker, id);
  if (vm !== null) {
    if (vm.key !== options.expectKey) {
      throw new ProviderError(
        'protected',
        'the machine does not carry the key that it was to be destroyed by',
        {
          provider: 'local',
          op: 'destroy',
          retryable: false,
        },
      );
    }
    await removeContainer(docker, vm.id);
    const gone = await poll(async () => ((await getMachine(docker, vm.id)) === null ? true : undefined), {
      policy: pollPolicy,
      runtime,
      signal,
      deadlineMs: options.deadline.getTime(),
    });
    if (!gone) {
      throw new ProviderError('timeout', 'the engine still lists the machine', {
        provider: 'local',
        op: 'destroy',
        retryable: true,
      });
    }
  }
  await removeNetworkIfUnused(call);
}

/** Kills it at once: whoever wants an orderly end powers the machine off first. */
export async function removeContainer(docker: Dockerode, id: string): Promise<void> {
  try {
    await docker.getContainer(id).remove({ force: true, v: true });
  } catch (error) {
    // 404: gone; 409: somebody else is removing it.
    if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}
