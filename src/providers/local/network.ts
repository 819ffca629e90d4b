import type Dockerode from 'dockerode';
import type { Runtime } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
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
export async function ensureNetwork(call: EngineCall, runtime: Runtime): Promise<void> {
  const { docker, signal, settle } = call;
  if (await hasOurNetwork(docker)) return;
  try {
    await settle((patient) =>
      patient.createNetwork({
        Name: networkName,
        Driver: 'bridge',
        CheckDuplicate: true,
        Options: bridgeOptions,
        Labels: { [label.kind]: 'network' },
      }),
    );
  } catch (error) {
    // Who loses the race hears that the bridge is taken, a moment before the network is listed.
    for (let attempt = 0; attempt < 10; attempt++) {
      if (await hasOurNetwork(docker)) return;
      await runtime.sleep(50, signal);
    }
    throw error;
  }
}

/**
 * A network of the same name that somebody else made may let machines reach each other, or more.
 * @throws ProviderError `conflict` when that is what there is
 */
async function hasOurNetwork(docker: Dockerode): Promise<boolean> {
  const network = await findNetwork(docker);
  if (network === null || network.ours) return network !== null;
  throw new ProviderError('conflict', `the engine has a network ${networkName} that spuff did not make`, {
    provider: 'local',
    op: 'create',
    retryable: false,
    hints: [
      `see what is on it: docker network inspect ${networkName}`,
      `remove it when nothing needs it, and spuff makes its own: docker network rm ${networkName}`,
    ],
  });
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
  const named = found
    .filter((candidate) => candidate.Name === networkName)
    .map(({ Id, Labels }) => ({ id: Id, ours: labelText(Labels, label.kind) === 'network' }));
  return named.find(({ ours }) => ours) ?? named[0] ?? null;
}
