/** What the simulated account may have: processors of running machines, by the group of their types, for spot and not. */
import { typeIn } from './catalogue.ts';
import type { CloudState, Instance } from './cloud-state.ts';
import { AwsFault } from './fault.ts';

/** @see https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html */
const quotas = [
  { code: 'L-1216C47A', spot: false, types: /^(?:[acdhimrtz]|im|is)\d/ },
  { code: 'L-34B43A08', spot: true, types: /^(?:[acdhimrtz]|im|is)\d/ },
  { code: 'L-DB2E81BA', spot: false, types: /^(?:g|gr|vt)\d/ },
  { code: 'L-3819A6DF', spot: true, types: /^(?:g|gr|vt)\d/ },
  { code: 'L-417A185B', spot: false, types: /^p\d/ },
];

/** null where there is no such quota. The tests say how many machines there may be; a usual one has two processors. */
export function limitOf({ settings }: CloudState, code: string): number | null {
  if (!quotas.some((one) => one.code === code)) return null;
  return settings.vcpuLimits[code] ?? settings.machineLimit * 2;
}

export function checkQuota(state: CloudState, order: Instance): void {
  const quota = quotas.find(({ spot, types }) => spot === order.spot && types.test(order.type));
  if (!quota) return;
  const limit = limitOf(state, quota.code) ?? 0;
  const running = [...state.instances.values()].filter(
    (one) =>
      one.region === order.region &&
      one.spot === quota.spot &&
      quota.types.test(one.type) &&
      ['pending', 'running'].includes(state.stateOf(one)),
  );
  const used = running.reduce((sum, one) => sum + typeIn(one.type, one.region).vcpus, 0);
  if (used + typeIn(order.type, order.region).vcpus <= limit) return;
  if (order.spot) throw new AwsFault('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded');
  throw new AwsFault(
    'VcpuLimitExceeded',
    `You have requested more vCPU capacity than your current vCPU limit of ${limit} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
  );
}
