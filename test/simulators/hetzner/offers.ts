/** What the simulated cloud sells: locations, server types, system images, prices. Written for the tests. */

const places = [
  ['fsn1', 'Falkenstein DC Park 1', 'DE', 'Falkenstein', 'eu-central', 50.47612, 12.370071],
  ['nbg1', 'Nuremberg DC Park 1', 'DE', 'Nuremberg', 'eu-central', 49.452102, 11.076665],
  ['hel1', 'Helsinki DC Park 1', 'FI', 'Helsinki', 'eu-central', 60.169855, 24.938379],
  ['ash', 'Ashburn, VA', 'US', 'Ashburn, VA', 'us-east', 39.045821, -77.487073],
] as const;

export const locations = places.map(([name, description, country, city, zone, latitude, longitude], at) => ({
  ...{ id: at + 1, name, description, country, city, network_zone: zone, latitude, longitude },
}));

interface TypeFacts {
  name: string;
  cores: number;
  memory: number;
  disk: number;
  arm?: true;
  net: string;
  /** Where it is sold; the first of them has none left where `soldOut`. */
  in: readonly string[];
  soldOut?: string;
  endsAt?: string;
}

const types: readonly TypeFacts[] = [
  {
    name: 'cx22',
    cores: 2,
    memory: 4,
    disk: 40,
    net: '0.0060',
    in: ['fsn1', 'nbg1'],
    endsAt: '2027-01-01T00:00:00+00:00',
  },
  { name: 'cpx22', cores: 2, memory: 4, disk: 80, net: '0.0104', in: ['fsn1', 'nbg1', 'hel1'] },
  {
    name: 'cpx32',
    cores: 4,
    memory: 8,
    disk: 160,
    net: '0.0175',
    in: ['fsn1', 'nbg1', 'hel1'],
    soldOut: 'hel1',
  },
  {
    name: 'cax11',
    cores: 2,
    memory: 4,
    disk: 40,
    arm: true,
    net: '0.0064',
    in: ['fsn1', 'hel1'],
    soldOut: 'fsn1',
  },
  { name: 'cpx11', cores: 2, memory: 2, disk: 40, net: '0.0072', in: ['ash'] },
];

/** 19 %, in the API's long form. */
function taxed(net: string): string {
  const [whole = '0', fraction = ''] = net.split('.');
  const digits = fraction.length + 2;
  const gross = (BigInt(whole + fraction) * 119n).toString().padStart(digits + 1, '0');
  return `${gross.slice(0, -digits)}.${gross.slice(-digits)}${'0'.repeat(12)}`;
}

export const price = (net: string) => ({ net: `${net}000000`, gross: taxed(net) });

export const serverTypes = types.map((type, at) => ({
  id: at + 101,
  name: type.name,
  description: type.name.toUpperCase(),
  cores: type.cores,
  memory: type.memory,
  disk: type.disk,
  deprecated: type.endsAt !== undefined,
  prices: type.in.map((location) => ({
    location,
    price_hourly: price(location === 'ash' ? '0.0083' : type.net),
    price_monthly: price('7.4900'),
    included_traffic: 21_990_232_555_520,
    price_per_tb_traffic: price('1.0000'),
  })),
  storage_type: 'local',
  cpu_type: 'shared',
  category: 'Shared vCPU',
  architecture: type.arm ? ('arm' as const) : ('x86' as const),
  deprecation: type.endsAt
    ? { announced: '2026-01-01T00:00:00+00:00', unavailable_after: type.endsAt }
    : null,
  locations: type.in.map((name) => ({
    id: locations.find((one) => one.name === name)?.id ?? 0,
    name,
    available: type.soldOut !== name,
    recommended: type.endsAt === undefined && type.soldOut !== name,
    deprecation: type.endsAt
      ? { announced: '2026-01-01T00:00:00+00:00', unavailable_after: type.endsAt }
      : null,
  })),
}));

export type ServerType = (typeof serverTypes)[number];
export type Location = (typeof locations)[number];

export const pricing = {
  currency: 'EUR',
  vat_rate: '19.000000',
  image: { price_per_gb_month: price('0.0110') },
  volume: { price_per_gb_month: price('0.0440') },
  server_backup: { percentage: '20.000000' },
  floating_ip: { price_monthly: price('3.0000') },
  floating_ips: [],
  primary_ips: [
    {
      type: 'ipv4',
      prices: [{ location: 'nbg1', price_hourly: price('0.0008'), price_monthly: price('0.5000') }],
    },
  ],
  server_types: serverTypes.map(({ id, name, prices }) => ({ id, name, prices })),
  load_balancer_types: [],
};

const systems = [
  ['debian-12', 'Debian 12', 'debian', '12'],
  ['debian-13', 'Debian 13', 'debian', '13'],
  ['ubuntu-22.04', 'Ubuntu 22.04', 'ubuntu', '22.04'],
  ['ubuntu-24.04', 'Ubuntu 24.04', 'ubuntu', '24.04'],
  ['debian-11', 'Debian 11', 'debian', '11'],
] as const;

export interface SimImage {
  id: number;
  type: 'system' | 'snapshot';
  name: string | null;
  description: string;
  os_flavor: string;
  os_version: string | null;
  architecture: 'x86' | 'arm';
  createdMs: number;
  /** When a snapshot is finished. */
  readyMs: number;
  /** It never is. */
  fails: boolean;
  createdFrom: { id: number; name: string } | null;
  deprecated: string | null;
  labels: Readonly<Record<string, string>>;
}

export const systemImages: readonly SimImage[] = systems.flatMap(([name, description, flavor, version], at) =>
  (['x86', 'arm'] as const).map((architecture, side) => ({
    id: 1_000 + at * 2 + side,
    type: 'system' as const,
    ...{ name, description, os_flavor: flavor, os_version: version, architecture },
    createdMs: Date.parse('2023-06-13T06:00:00Z'),
    readyMs: 0,
    fails: false,
    createdFrom: null,
    deprecated: name === 'debian-11' ? '2026-11-01T00:00:00+00:00' : null,
    labels: {},
  })),
);
