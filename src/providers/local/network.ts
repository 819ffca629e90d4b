import type Dockerode from 'dockerode';
import type { Runtime } from '../../domain/provider.ts';
import type { EngineCall } from './engine.ts';
import { statusOf } from './engine-errors.ts';
import { filterOf, label, labelText } from './labels.ts';
import { networkName } from './machine-request.ts';

/**
 * Machines reach the world and the computer they run on, and not each other. The bridge has a name because engines let
 * two networks be made with the same name at the same time, and two bridges not.
 */
const bridgeOptions = {
  'com.docker.network.bridge.name': 'spuff0',
  'com.docker.network.bridge.enable_icc': 'false',
};

interface FoundNetwork {
  id: string;
  ours: boolean;
}

/** Makes the machines' network unless it is there. Safe to run several times at once. */
export async function ensureNetwork({ docker, signal }: EngineCall, runtime: Runtime): Promise<void> {
  if (await findNetwork(docker)) return;
  try {
    await docker.createNetwork({
      Name: networkName,
      Driver: 'bridge',
      CheckDuplicate: true,
      Options: bridgeOptions,
      Labels: { [label.kind]: 'network' },
    });
  } catch (error) {
    // Who loses the race hears that the bridge is taken, a moment before the network is listed.
    for (let attempt = 0; attempt < 10; attempt++) {
      if (await findNetwork(docker)) return;
      await runtime.sleep(50, signal);
    }
    throw error;
  }
}

/** Removes the network when no machine is on it. Whoever needs it next makes it again. */
export async function removeNetworkIfUnused({ docker }: EngineCall): Promise<void> {
  if (!(await networkIsUnused(docker))) return;
  const network = await findNetwork(docker);
  if (!network?.ours) return;
  try {
    await docker.getNetwork(network.id).remove();
  } catch (error) {
    // Gone already, or taken into use since we looked.
    if (![403, 404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}

export async function networkIsUnused(docker: Dockerode): Promise<boolean> {
  return (await docker.listContainers({ all: true, filters: filterOf('machine') })).length === 0;
}

export async function findNetwork(docker: Dockerode): Promise<FoundNetwork | null> {
  const found = await docker.listNetworks({ filters: { name: [networkName] } });
  const network = found.find((candidate) => candidate.Name === networkName);
  return network ? { id: network.Id, ours: labelText(network.Labels, label.kind) === 'network' } : null;
}
