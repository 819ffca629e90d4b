/** What the simulated AWS has to offer: regions, sizes, images, prices. Names and forms as AWS has them; the prices are those of 2026. */
import type { SimImage } from './cloud-state.ts';
import { makeId } from './cloud-state.ts';
import { AwsFault } from './fault.ts';
import { pageOf, passes } from './filters.ts';
import { type Params, textIn, textsIn, type Xml } from './wire.ts';

export const regions = ['us-east-1', 'eu-central-1', 'us-west-2'] as const;

interface InstanceType {
  arch: 'x86_64' | 'arm64';
  vcpus: number;
  mib: number;
  usd: string;
  /** Where it costs something else. */
  usdIn: Readonly<Record<string, string>>;
  current: boolean;
  gpu: boolean;
  /** Regions and zones where it is not to be had. */
  notIn: readonly string[];
}

function type(
  arch: 'x86_64' | 'arm64',
  vcpus: number,
  gib: number,
  usd: string,
  more: Partial<InstanceType> = {},
): InstanceType {
  return { arch, vcpus, mib: gib * 1_024, usd, usdIn: {}, current: true, gpu: false, notIn: [], ...more };
}

export const types: Readonly<Record<string, InstanceType>> = {
  't2.micro': type('x86_64', 1, 1, '0.0116000000', { current: false }),
  't3.micro': type('x86_64', 2, 1, '0.0104000000'),
  't3.small': type('x86_64', 2, 2, '0.0208000000', { usdIn: { 'eu-central-1': '0.0240000000' } }),
  't3.medium': type('x86_64', 2, 4, '0.0416000000'),
  't3.large': type('x86_64', 2, 8, '0.0832000000'),
  't4g.small': type('arm64', 2, 2, '0.0168000000'),
  'm7i.large': type('x86_64', 2, 8, '0.1008000000'),
  'm7i.xlarge': type('x86_64', 4, 16, '0.2016000000', { notIn: ['us-east-1b'] }),
  'c7g.xlarge': type('arm64', 4, 8, '0.1450000000', { notIn: ['us-west-2'] }),
  't3.2xlarge': type('x86_64', 8, 32, '0.3328000000'),
  'm6i.4xlarge': type('x86_64', 16, 64, '0.7680000000'),
  'm6a.4xlarge': type('x86_64', 16, 64, '0.6912000000', { usdIn: { 'eu-central-1': '0.8280000000' } }),
  'm7i.4xlarge': type('x86_64', 16, 64, '0.8064000000'),
  'c7i.8xlarge': type('x86_64', 32, 64, '1.4280000000'),
  'r7i.2xlarge': type('x86_64', 8, 64, '0.5292000000'),
  'm7i.48xlarge': type('x86_64', 192, 768, '9.6768000000'),
  'g4dn.xlarge': type('x86_64', 4, 16, '0.5260000000', { gpu: true }),
  'g5.xlarge': type('x86_64', 4, 16, '1.0060000000', { gpu: true }),
};

export function typeIn(name: string, region: string): InstanceType {
  const found = Object.hasOwn(types, name) ? types[name] : undefined;
  if (found && !found.notIn.includes(region)) return found;
  throw new AwsFault('InvalidInstanceType', `The following supplied instance types do not exist: [${name}]`);
}

export const publicOwners = { debian: '136693071363', canonical: '099720109477', stranger: '666666666666' };

function publicImage(
  region: string,
  owner: string,
  arch: 'x86_64' | 'arm64',
  name: string,
  rootDevice: string,
  day: string,
): SimImage {
  const seed = `${owner} ${name} ${region}`;
  const createdMs = Date.parse(`${day}T00:00:00Z`);
  return {
    ...{ id: makeId('ami', seed), region, owner, name, arch, rootDevice, gib: 8, createdMs },
    ...{ snapshotId: makeId('snap', seed), readyMs: createdMs, tags: {} },
  };
}

const publicImages: readonly SimImage[] = regions.flatMap((region) =>
  (['amd64', 'arm64'] as const).flatMap((word) => {
    const arch = word === 'amd64' ? 'x86_64' : 'arm64';
    const { debian, canonical, stranger } = publicOwners;
    const ubuntu = `ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-${word}-server`;
    return [
      publicImage(region, debian, arch, `debian-12-${word}-20260601-2100`, '/dev/xvda', '2026-06-01'),
      publicImage(region, debian, arch, `debian-12-${word}-20261012-2259`, '/dev/xvda', '2026-10-12'),
      // Newer, but not what the name asks for.
      publicImage(
        region,
        debian,
        arch,
        `debian-12-backports-${word}-20261101-2280`,
        '/dev/xvda',
        '2026-11-01',
      ),
      // Newer, and of somebody who would like to be taken for Debian.
      publicImage(region, stranger, arch, `debian-12-${word}-20261120-9999`, '/dev/xvda', '2026-11-20'),
      publicImage(region, canonical, arch, `${ubuntu}-20261001`, '/dev/sda1', '2026-10-01'),
      publicImage(region, canonical, arch, `${ubuntu}-20261110`, '/dev/sda1', '2026-11-10'),
      publicImage(
        ...([region, canonical, arch] as const),
        `ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-${word}-server-20261105`,
        ...(['/dev/sda1', '2026-11-05'] as const),
      ),
    ];
  }),
);

export function imagesOf(region: string): SimImage[] {
  return publicImages.filter((image) => image.region === region);
}

/** What Canonical tells to be the newest. */
export function readParameter(region: string, name: string): string | null {
  const [, version, word] =
    /^\/aws\/service\/canonical\/ubuntu\/server\/([\d.]+)\/stable\/current\/(amd64|arm64)\/hvm\/ebs-gp[23]\/ami-id$/.exec(
      name,
    ) ?? [];
  if (version === undefined) return null;
  const named = imagesOf(region).filter((image) => image.name.includes(`-${version}-${word}-server-`));
  return named.sort((a, b) => b.createdMs - a.createdMs)[0]?.id ?? null;
}

export function describeRegions(): Xml {
  const info = [...regions, 'ap-east-1'].map((regionName) => ({
    regionName,
    regionEndpoint: `ec2.${regionName}.amazonaws.com`,
    optInStatus: regionName === 'ap-east-1' ? 'not-opted-in' : 'opt-in-not-required',
  }));
  return { regionInfo: info };
}

export function describeTypes(params: Params, region: string): Xml {
  const asked = textsIn(params, 'InstanceType');
  for (const name of asked) typeIn(name, region);
  const all = Object.entries(types).filter(
    ([name, one]) =>
      !one.notIn.includes(region) &&
      (asked.length === 0 || asked.includes(name)) &&
      passes(
        params,
        {},
        {
          'current-generation': String(one.current),
          'bare-metal': 'false',
          'supported-usage-class': 'on-demand',
          'instance-type': name,
        },
      ),
  );
  const { page, nextToken } = pageOf(params, all, 100);
  return {
    instanceTypeSet: page.map(([instanceType, one]) => ({
      instanceType,
      currentGeneration: one.current,
      supportedUsageClasses: ['on-demand', 'spot'],
      bareMetal: false,
      hypervisor: 'nitro',
      processorInfo: { supportedArchitectures: [one.arch], sustainedClockSpeedInGhz: 2.5 },
      vCpuInfo: { defaultVCpus: one.vcpus, defaultCores: one.vcpus / 2, defaultThreadsPerCore: 2 },
      memoryInfo: { sizeInMiB: one.mib },
      ...(one.gpu && { gpuInfo: { gpus: [{ name: 'A10G', manufacturer: 'NVIDIA', count: 1 }] } }),
    })),
    nextToken,
  };
}

export function describeOfferings(params: Params, region: string): Xml {
  const locationType = textIn(params, 'LocationType') ?? 'region';
  const places = locationType === 'availability-zone' ? zonesOf(region) : [region];
  const all = Object.keys(types)
    .filter((name) => !types[name]?.notIn.includes(region) && passes(params, {}, { 'instance-type': name }))
    .flatMap((instanceType) =>
      places
        .filter((location) => isInZone(instanceType, location))
        .map((location) => ({ instanceType, locationType, location })),
    );
  const { page, nextToken } = pageOf(params, all);
  return { instanceTypeOfferingSet: page, nextToken };
}

/** The zones of a region, each with a default subnet. */
export function zonesOf(region: string): string[] {
  return ['a', 'b', 'c'].map((letter) => `${region}${letter}`);
}

export function isInZone(name: string, zone: string): boolean {
  return !types[name]?.notIn.includes(zone);
}

export function describeSubnets(params: Params, region: string): Xml {
  const all = zonesOf(region).map((zone, at) => ({
    ...{ subnetId: makeId('subnet', zone), state: 'available', vpcId: makeId('vpc', region) },
    ...{ cidrBlock: `172.31.${16 * at}.0/20`, availableIpAddressCount: 4_091, availabilityZone: zone },
    ...{ defaultForAz: true, mapPublicIpOnLaunch: true, tagSet: [] },
  }));
  const matching = all.filter(({ state, availabilityZone }) =>
    passes(params, {}, { state, 'default-for-az': 'true', 'availability-zone': availabilityZone }),
  );
  const { page, nextToken } = pageOf(params, matching);
  return { subnetSet: page, nextToken };
}

export function describeSpotPrices(params: Params, region: string, nowMs: number): Xml {
  const set = textsIn(params, 'InstanceType').flatMap((instanceType) =>
    zonesOf(region).map((availabilityZone, at) => ({
      ...{ instanceType, productDescription: 'Linux/UNIX', availabilityZone },
      spotPrice: `0.00${9 - at}300`,
      timestamp: new Date(nowMs - 3_600_000).toISOString(),
    })),
  );
  return { spotPriceHistorySet: set, nextToken: '' };
}
