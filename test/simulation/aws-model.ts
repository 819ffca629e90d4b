import { Secret } from '../../src/domain/secret.ts';
import { createAwsProvider } from '../../src/providers/aws/aws-provider.ts';
import { createAwsSimulator } from '../simulators/aws/aws-cloud.ts';
import { CloudState } from '../simulators/aws/cloud-state.ts';
import { plantInstance, testKey } from '../simulators/aws/harness.ts';
import { startInstances, stopInstances } from '../simulators/aws/instances.ts';
import { pretendMachines } from '../simulators/machine-backing.ts';
import { type CloudModel, foreign, type World } from './cloud-model.ts';
import { createTransport } from './line.ts';
import { cloudClock } from './virtual-clock.ts';

const region = 'us-east-1';
const overSeconds = '1600000000';

export function createAwsModel(world: World): CloudModel {
  const backing = pretendMachines();
  const state = new CloudState(cloudClock(world), backing);
  const { keys, answer } = createAwsSimulator(state, null);
  keys.set(testKey.accessKeyId, { secret: testKey.secret, sessionToken: null });
  const instanceOf = (id: string) => state.instances.get(id.replace(/^.*\//, ''));
  const ask = (act: typeof stopInstances, id: string) =>
    act(state, { InstanceId: { 1: id.replace(/^.*\//, '') } }, region);
  return {
    id: 'aws',
    open: (process) =>
      createAwsProvider({
        runtime: process.runtime,
        regions: [region],
        endpoint: () => new URL('http://127.0.0.1'),
        credentials: async () => ({
          ...{ accessKeyId: testKey.accessKeyId, secretAccessKey: new Secret(testKey.secret) },
          sessionToken: null,
        }),
        transport: createTransport({ ...world, process }, answer),
      }),
    machines: () =>
      [...state.instances.values()]
        .filter((one) => one.endingMs === null && state.lives(one))
        .map(({ id, tags }) => ({ id: `${region}/${id}`, name: tags['Name'] ?? '' })),
    powerOff: async (id) => {
      await backing.powerOff(instanceOf(id)?.backing?.id ?? '');
      await state.catchUp();
    },
    stop: (id) => ask(stopInstances, id),
    start: (id) => ask(startInstances, id),
    remove: async (id) => {
      const instance = instanceOf(id);
      if (instance) await state.end(instance);
    },
    plantForeign: async () => {
      const [named, marked, other] = foreign.names;
      const kind = { spuff: 'machine', 'spuff-expires': overSeconds };
      plantInstance(state, { Name: named });
      plantInstance(state, { Name: marked, ...kind });
      plantInstance(state, { Name: other, ...kind, 'spuff-key': foreign.brokenKey });
    },
    setListLag: (seconds) => {
      state.settings.listLagSeconds = seconds;
    },
  };
}
