import { Secret } from '../../src/domain/secret.ts';
import { createHetznerProvider } from '../../src/providers/hetzner/hetzner-provider.ts';
import { HetznerCloud, simToken } from '../simulators/hetzner/hetzner-cloud.ts';
import { powerOffServer, powerOnServer } from '../simulators/hetzner/servers.ts';
import { pretendMachines } from '../simulators/machine-backing.ts';
import { type CloudModel, foreign, type World } from './cloud-model.ts';
import { createTransport } from './line.ts';
import { cloudClock } from './virtual-clock.ts';

const overSeconds = '1600000000';

export function createHetznerModel(world: World): CloudModel {
  const backing = pretendMachines();
  const cloud = new HetznerCloud(cloudClock(world), backing);
  const handle = cloud.handle.bind(cloud);
  return {
    id: 'hetzner',
    open: (process) =>
      createHetznerProvider({
        runtime: process.runtime,
        baseUrl: new URL('http://127.0.0.1/v1'),
        token: async () => new Secret(simToken),
        transport: createTransport({ ...world, process }, handle),
      }),
    machines: () =>
      [...cloud.state.servers.values()]
        .filter(({ deletedMs }) => deletedMs === null)
        .map(({ id, name }) => ({ id: String(id), name })),
    powerOff: async (id) => backing.powerOff(cloud.state.servers.get(Number(id))?.machineId ?? ''),
    stop: (id) => powerOffServer(cloud.state, id, 'stop_server'),
    start: (id) => powerOnServer(cloud.state, id),
    remove: async (id) => {
      const server = cloud.state.servers.get(Number(id));
      if (server) server.deletedMs ??= cloud.state.clock.now();
    },
    plantForeign: async () => {
      const [named, marked, other] = foreign.names;
      const planted = [named, marked, other].map((name) => cloud.plantForeign(name));
      const [, second, third] = await Promise.all(planted);
      const label = (id: string | undefined, labels: Record<string, string>) => {
        const server = cloud.state.servers.get(Number(id));
        if (server) server.labels = labels;
      };
      label(second, { 'spuff.kind': 'machine', 'spuff.expires': overSeconds });
      label(third, {
        ...{ 'spuff.kind': 'machine', 'spuff.key': foreign.brokenKey, 'spuff.expires': overSeconds },
      });
    },
    setListLag: (seconds) => {
      cloud.listLagSeconds = seconds;
    },
  };
}
