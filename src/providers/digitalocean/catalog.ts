import type { Provider, Region, Size } from '../../domain/provider.ts';
import type { Answer } from './answer.ts';
import type { Api } from './api.ts';
import { toImage } from './images.ts';
import { toHourly } from './price.ts';

/** @see https://docs.digitalocean.com/reference/api/reference/sizes/ */
export function createCatalog(api: Api): Pick<Provider, 'catalog'> {
  return {
    async catalog(call) {
      const op = 'catalog';
      const [places, shapes, systems] = await Promise.all([
        api.pages({ op, path: '/v2/regions' }, 'regions', call),
        api.pages({ op, path: '/v2/sizes' }, 'sizes', call),
        api.pages({ op, path: '/v2/images', query: { type: 'distribution' } }, 'images', call),
      ]);
      const regions = places.map(readRegion);
      return {
        regions: regions.map(({ id, available }) => ({ id, available })),
        sizes: shapes.map((size) => toSize(size, regions)),
        images: systems.map(toImage).filter((image) => image !== null),
      };
    },
  };
}

interface Place extends Region {
  /** Those that can be had there now. */
  sizes: ReadonlySet<string>;
}

function readRegion(region: Answer): Place {
  return {
    id: region.at('slug').text(),
    available: region.at('available').value === true,
    sizes: new Set(region.at('sizes').texts()),
  };
}

/** A size says where it is sold; a region, what it has room for. What is sold out is shown, and marked. */
function toSize(size: Answer, places: readonly Place[]): Size {
  const id = size.at('slug').text();
  const soldIn = new Set(size.at('regions').texts());
  const isSold = size.at('available').value !== false;
  return {
    id,
    vcpus: size.at('vcpus').number(),
    memoryMiB: size.at('memory').number(),
    diskGiB: size.at('disk').numberOr(null),
    arch: 'x86_64',
    gpu: !size.at('gpu_info').isMissing || id.startsWith('gpu-'),
    hourly: toHourly(size.at('price_hourly').number()),
    regions: places
      .filter((place) => soldIn.has(place.id) || place.sizes.has(id))
      .map((place) => ({
        id: place.id,
        available: isSold && place.available && soldIn.has(place.id) && place.sizes.has(id),
        // The API announces no end of a size or a region.
        deprecatedAfter: null,
      })),
  };
}
