import type Dockerode from 'dockerode';
import type { InstanceKey } from '../../domain/ids.ts';
import type { Vm } from '../../domain/provider.ts';
import { statusOf } from './engine-errors.ts';
import { filterOf, label, labelText } from './labels.ts';
import { toVm } from './machine-state.ts';

/** Ids that may stand in a path of the API. Others can't be anything of ours. */
const idPattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/** By name, else by label: containers can be renamed. */
export async function findMachine(docker: Dockerode, key: InstanceKey): Promise<Vm | null> {
  const named = await getMachine(docker, `spuff-${key}`);
  if (named?.key === key) return named;
  const [labelled] = await docker.listContainers({
    all: true,
    filters: filterOf('machine', { [label.key]: key }),
  });
  const vm = labelled ? await getMachine(docker, labelled.Id) : null;
  return vm?.key === key ? vm : null;
}

/** null for what is no machine of spuff. */
export async function getMachine(docker: Dockerode, id: string): Promise<Vm | null> {
  if (!idPattern.test(id)) return null;
  try {
    const info = await docker.getContainer(id).inspect();
    return labelText(info.Config.Labels, label.kind) === 'machine' ? toVm(info) : null;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

export async function listMachines(docker: Dockerode): Promise<Vm[]> {
  const found = await docker.listContainers({ all: true, filters: filterOf('machine') });
  const machines = await Promise.all(found.map(({ Id }) => getMachine(docker, Id)));
  return machines.filter((vm) => vm !== null);
}

export async function containerExists(docker: Dockerode, name: string): Promise<boolean> {
  try {
    await docker.getContainer(name).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
