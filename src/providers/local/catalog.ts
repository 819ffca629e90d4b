import type { Provider } from '../../domain/provider.ts';
import type { Engine } from './engine.ts';
import { missingLimits, readCapacity } from './engine-capacity.ts';
import { listBaseImages } from './image-lookup.ts';
import { localRegion } from './labels.ts';
import { listSizes } from './sizes.ts';

export function createCatalog(engine: Engine): Pick<Provider, 'catalog' | 'checkAccess'> {
  return {
    /** Whoever may use the engine may do all that spuff does with it; but some engines can't hold a machine to its size. */
    checkAccess(options) {
      return engine.call('checkAccess', options, async ({ docker }) => {
        const capacity = await readCapacity(docker);
        const { cpus, memoryMiB } = capacity;
        const account = `container engine with ${cpus} processors and ${Math.floor(memoryMiB / 1_024)} GB`;
        return { account, missing: missingLimits(capacity), quota: {} };
      });
    },
    catalog(options) {
      return engine.call('catalog', options, async ({ docker }) => {
        const [capacity, images] = await Promise.all([readCapacity(docker), listBaseImages(docker)]);
        return {
          regions: [{ id: localRegion, available: true }],
          sizes: listSizes(capacity),
          images: images.map(({ image }) => image),
        };
      });
    },
  };
}
