import type { CallOptions, Leftover, Provider } from '../../domain/provider.ts';
import { destroyMachine } from './machine-end.ts';
import { type Aws, callIn } from './regions.ts';
import { findLeftovers, notOurs, removeRemains } from './remains.ts';

export function createLeftovers(aws: Aws): Pick<Provider, 'leftovers' | 'removeLeftover'> {
  return {
    async *leftovers(key, options) {
      for (const region of aws.regions.all())
        yield* await findLeftovers(aws, key, callIn(region, 'leftovers', options));
    },
    removeLeftover: (leftover, options) => removeLeftover(aws, leftover, options),
  };
}

async function removeLeftover(aws: Aws, leftover: Leftover, options: CallOptions): Promise<void> {
  const op = 'removeLeftover';
  if (leftover.kind === 'vm') {
    if (leftover.key === null) throw notOurs(op);
    return destroyMachine(aws, leftover.id, leftover.key, op, options);
  }
  const slash = leftover.id.indexOf('/');
  const regions = slash < 0 ? aws.regions.all() : [leftover.id.slice(0, slash)];
  for (const region of regions) await removeRemains(aws, leftover, callIn(region, op, options));
}
