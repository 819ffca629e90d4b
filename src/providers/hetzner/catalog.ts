import type { Image, Provider, Region, Size } from '../../domain/provider.ts';
import type { HetznerClient } from './client.ts';
import { showText } from './errors.ts';
import {
  type Fields,
  optionalDate,
  optionalObject,
  optionalText,
  readArray,
  readNumber,
  readObject,
  readText,
} from './fields.ts';
import { hourlyIn } from './prices.ts';
import { toArch } from './server-mapping.ts';

const op = 'catalog';
const bytesInGb = 1_073_741_824;

/**
 * What can be ordered. A price is that of the default region where the size is offered there, else that of the first
 * location with one: it differs by location.
 */
export function createCatalog(client: HetznerClient, defaultRegion: string): Pick<Provider, 'catalog'> {
  return {
    async catalog(call) {
      const pricing = optionalObject((await client.read(op, '/pricing', call))?.['pricing']);
      const currency = readText(pricing, 'currency', { op, path: 'pricing' });
      const locations = await client.list(op, '/locations', call);
      const types = await client.list(op, '/server_types', call, { sort: undefined });
      const images = await client.list(op, '/images', call, {
        ...{ type: 'system', status: 'available', include_deprecated: 'true' },
      });
      const known = new Set(locations.map(nameOf));
      const sizes = types.map((type) => toSize(type, known, defaultRegion, currency));
      const open = new Set(
        sizes.flatMap(({ regions }) => regions.filter(({ available }) => available).map(({ id }) => id)),
      );
      return {
        regions: [...known].map((id): Region => ({ id, available: open.has(id) })),
        sizes: sizes.filter(({ hourly }) => hourly !== null),
        images: images.flatMap(toImage),
      };
    },
  };
}

function nameOf(location: Fields): string {
  return showText(readText(location, 'name', { op, path: 'locations[]' }));
}

/** @see https://docs.hetzner.cloud/reference/cloud#tag/server-types: `locations` */
function toSize(type: Fields, known: ReadonlySet<string>, defaultRegion: string, currency: string): Size {
  const place = { op, path: 'server_types[]' };
  const regions = readArray(type['locations'], { op, path: 'server_types[].locations' }).map((item) => {
    const location = readObject(item, { op, path: 'server_types[].locations[]' });
    const ending = optionalObject(location['deprecation'])['unavailable_after'];
    const id = readText(location, 'name', { op, path: 'server_types[].locations[]' });
    return {
      id,
      hourly: hourlyIn(type, id, currency),
      available: location['available'] === true,
      deprecatedAfter: optionalDate(ending),
    };
  });
  const offered = regions.filter(({ id }) => known.has(id));
  const priced = [defaultRegion, ...offered.map(({ id }) => id)].filter((id) =>
    offered.some((one) => one.id === id),
  );
  const prices = priced.map((id) => offered.find((one) => one.id === id)?.hourly ?? null);
  return {
    id: showText(readText(type, 'name', place)),
    vcpus: readNumber(type, 'cores', place),
    memoryMiB: Math.round(readNumber(type, 'memory', place) * 1_024),
    diskGiB: typeof type['disk'] === 'number' ? Math.floor(type['disk']) : null,
    arch: toArch(type['architecture']),
    gpu: false,
    hourly: prices.find((price) => price !== null) ?? null,
    regions: offered,
  };
}

/** The same name stands for an image of each architecture. */
function toImage(image: Fields): Image[] {
  const name = optionalText(image['name']);
  if (name === null) return [];
  const size = image['image_size'];
  return [
    {
      ref: { kind: 'slug', slug: name },
      name: showText(optionalText(image['description']) ?? name),
      os: showText(optionalText(image['os_flavor']) ?? 'unknown'),
      arch: toArch(image['architecture']),
      sizeBytes: typeof size === 'number' ? Math.round(size * bytesInGb) : null,
      createdAt: optionalDate(image['created']),
      deprecatedAfter: optionalDate(image['deprecated']),
    },
  ];
}
