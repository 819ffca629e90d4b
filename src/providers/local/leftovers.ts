import type { InstanceKey } from '../../domain/ids.ts';
import type { Leftover, Provider, Vm } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { Engine, EngineCall } from './engine.ts';
import { getMachine, listMachines } from './machine-lookup.ts';
import { networkName } from './machine-request.ts';
import { removeContainer } from './machines.ts';
import { findNetwork, networkIsUnused, removeNetworkIfUnused } from './network.ts';

/**
 * What `destroy` can leave: the machines' network, when it was killed after the last machine and before it. Volumes are
 * anonymous and go with their machine. A second container with a key (someone renamed one) is told as well.
 */
export function createLeftovers(engine: Engine): Pick<Provider, 'leftovers' | 'removeLeftover'> {
  return {
    async *leftovers(key, options) {
      yield* await engine.call('leftovers', options, (call) => findLeftovers(call, key));
    },
    removeLeftover(leftover, options) {
      return engine.call('removeLeftover', options, (call) => removeLeftover(call, leftover));
    },
  };
}

async function findLeftovers(call: EngineCall, key: InstanceKey | null): Promise<Leftover[]> {
  const machines = await listMachines(call.docker);
  const found: Leftover[] = machines
    .filter((vm) => isSecond(vm, machines) && (key === null || vm.key === key))
    .map((vm) => ({ kind: 'vm', id: vm.id, name: vm.name, key: vm.key, billed: false }));
  if (key !== null) return found;
  const network = await findNetwork(call.docker);
  if (!network?.ours || !(await networkIsUnused(call.docker))) return found;
  return [...found, { kind: 'network', id: network.id, name: networkName, key: null, billed: false }];
}

function isSecond(vm: Vm, machines: readonly Vm[]): boolean {
  if (vm.key === null) return false;
  const proper = `spuff-${vm.key}`;
  const first = machines.find(({ name }) => name === proper) ?? machines.find(({ key }) => key === vm.key);
  return first !== vm;
}

async function removeLeftover(call: EngineCall, leftover: Leftover): Promise<void> {
  if (leftover.kind === 'network') return removeNetworkIfUnused(call);
  const vm = leftover.kind === 'vm' ? await getMachine(call.docker, leftover.id) : null;
  if (vm === null) return;
  if (vm.key === null || vm.key !== leftover.key) {
    throw new ProviderError('protected', 'the machine does not carry the key that it was to be removed by', {
      provider: 'local',
      op: 'removeLeftover',
      retryable: false,
    });
  }
  await removeContainer(call.docker, vm.id);
}
