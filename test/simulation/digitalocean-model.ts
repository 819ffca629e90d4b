import { Secret } from '../../src/domain/secret.ts';
import { createDigitalOceanProvider } from '../../src/providers/digitalocean/digitalocean-provider.ts';
import { DigitalOceanCloud } from '../simulators/digitalocean/digitalocean-cloud.ts';
import { pretendMachines } from '../simulators/machine-backing.ts';
import { type CloudModel, foreign, type World } from './cloud-model.ts';
import { createTransport } from './line.ts';
import { cloudClock } from './virtual-clock.ts';

const token = `dop_v1_${'5'.repeat(64)}`;
const overSeconds = 1_600_000_000;

export function createDigitalOceanModel(world: World): CloudModel {
  const cloud = new DigitalOceanCloud({ clock: cloudClock(world), backing: pretendMachines(), token });
  const handle = cloud.handle.bind(cloud);
  return {
    id: 'digitalocean',
    open: (process) =>
      createDigitalOceanProvider({
        runtime: process.runtime,
        baseUrl: new URL('http://127.0.0.1'),
        token: async () => new Secret(token),
        transport: createTransport({ ...world, process }, handle),
      }),
    machines: () =>
      cloud.droplets
        .all()
        .filter(({ goneMs }) => goneMs === null)
        .map(({ id, name }) => ({ id: String(id), name })),
    powerOff: (id) => cloud.powerOff(id),
    stop: (id) => cloud.act(id, 'power_off'),
    start: (id) => cloud.act(id, 'power_on'),
    remove: async (id) => {
      const droplet = cloud.droplets.get(Number(id));
      if (droplet) await cloud.droplets.remove(droplet);
    },
    plantForeign: async () => {
      const [named, marked, other] = foreign.names;
      cloud.plant({ name: named });
      cloud.plant({ name: marked, tags: ['spuff', `spuff-expires:${overSeconds}`] });
      cloud.plant({
        name: other,
        tags: ['spuff', `spuff-key:${foreign.brokenKey}`, `spuff-expires:${overSeconds}`],
      });
    },
    setListLag: (seconds) => {
      cloud.listLagSeconds = seconds;
      cloud.tagLagSeconds = seconds / 2;
    },
  };
}
