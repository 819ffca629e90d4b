/** What the simulated DigitalOcean sells: few of each, with prices as the real one writes them. */

export interface SimSize {
  slug: string;
  memory: number;
  vcpus: number;
  disk: number;
  /** As the API gives it: a float of 32 bits, written with the digits of one of 64. */
  hourly: number;
  regions: readonly string[];
  gpu?: { count: number; model: string };
}

const everywhere = ['nyc3', 'fra1', 'ams3'];

export const simRegions: ReadonlyArray<{ slug: string; name: string; available: boolean }> = [
  { slug: 'nyc3', name: 'New York 3', available: true },
  { slug: 'fra1', name: 'Frankfurt 1', available: true },
  { slug: 'ams3', name: 'Amsterdam 3', available: true },
  { slug: 'ams2', name: 'Amsterdam 2', available: false },
];

export const simSizes: readonly SimSize[] = [
  {
    slug: 's-1vcpu-512mb-10gb',
    memory: 512,
    vcpus: 1,
    disk: 10,
    hourly: 0.005950000136137009,
    regions: everywhere,
  },
  {
    slug: 's-1vcpu-1gb',
    memory: 1_024,
    vcpus: 1,
    disk: 25,
    hourly: 0.00892999954521656,
    regions: everywhere,
  },
  {
    slug: 's-1vcpu-2gb',
    memory: 2_048,
    vcpus: 1,
    disk: 50,
    hourly: 0.01785999909043312,
    regions: everywhere,
  },
  {
    slug: 's-2vcpu-2gb-amd',
    memory: 2_048,
    vcpus: 2,
    disk: 60,
    hourly: 0.02082999981939793,
    regions: ['fra1'],
  },
  {
    slug: 's-2vcpu-4gb',
    memory: 4_096,
    vcpus: 2,
    disk: 80,
    hourly: 0.03571000099182129,
    regions: everywhere,
  },
  { slug: 's-8vcpu-16gb', memory: 16_384, vcpus: 8, disk: 320, hourly: 0.1428599953651428, regions: [] },
  {
    slug: 'gpu-h100x1-80gb',
    ...{ memory: 245_760, vcpus: 20, disk: 720, hourly: 3.390000104904175, regions: ['nyc3'] },
    gpu: { count: 1, model: 'nvidia_h100' },
  },
];

export const simImages: ReadonlyArray<{
  id: number;
  slug: string;
  name: string;
  distribution: string;
  status: 'available' | 'retired';
}> = [
  { id: 101, slug: 'debian-12-x64', name: '12 x64', distribution: 'Debian', status: 'available' },
  { id: 102, slug: 'debian-11-x64', name: '11 x64', distribution: 'Debian', status: 'retired' },
  { id: 103, slug: 'ubuntu-22-04-x64', name: '22.04 (LTS) x64', distribution: 'Ubuntu', status: 'available' },
  { id: 104, slug: 'ubuntu-24-04-x64', name: '24.04 (LTS) x64', distribution: 'Ubuntu', status: 'available' },
  { id: 105, slug: 'fedora-41-x64', name: '41 x64', distribution: 'Fedora', status: 'available' },
];

/** @param isFull regions that have no room for a machine */
export function regionAnswer(slug: string, isFull: boolean): Record<string, unknown> {
  const region = simRegions.find((one) => one.slug === slug);
  const sizes = simSizes.filter(({ regions }) => regions.includes(slug)).map((size) => size.slug);
  return {
    name: region?.name ?? slug,
    slug,
    features: ['backups', 'ipv6', 'metadata', 'install_agent', 'storage', 'image_transfer'],
    available: region?.available ?? false,
    sizes: isFull ? [] : sizes,
  };
}

export function sizeAnswer({ gpu, hourly, ...size }: SimSize): Record<string, unknown> {
  return {
    ...size,
    transfer: 1,
    price_monthly: Math.fround(hourly * 672),
    price_hourly: hourly,
    available: size.regions.length > 0,
    description: gpu ? 'GPU' : 'Basic',
    ...(gpu && { gpu_info: gpu }),
  };
}

export function imageAnswer(image: (typeof simImages)[number]): Record<string, unknown> {
  return {
    ...image,
    type: 'base',
    public: true,
    regions: everywhere,
    created_at: '2026-01-15T10:00:00Z',
    min_disk_size: 7,
    size_gigabytes: 0.67,
    description: `${image.distribution} ${image.name}`,
    tags: [],
  };
}
