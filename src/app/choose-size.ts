import { SpuffError } from '../domain/errors.ts';
import { compareMoney } from '../domain/money.ts';
import type { Provider, Size } from '../domain/provider.ts';
import { findClosestName } from '../lib/closest-name.ts';

export interface Wish {
  vcpus: number;
  memoryMiB: number;
}

/** Reads `4cpu-8gb`: at least so many processors, at least so much memory. null for any other text. */
export function parseWish(text: string): Wish | null {
  const [, cpus, gigabytes] = /^([1-9]\d{0,2})cpu-([1-9]\d{0,3})gb$/.exec(text) ?? [];
  return cpus === undefined ? null : { vcpus: Number(cpus), memoryMiB: Number(gigabytes) * 1_024 };
}

/** Whether it can be had in one of the regions. */
export function isOffered(size: Size, regions: readonly string[]): boolean {
  return size.regions.some(({ id, available }) => available && regions.includes(id));
}

/** The cheapest first; of equal price the one with more for it. */
export function sortByPrice(sizes: readonly Size[]): Size[] {
  return [...sizes].sort(
    (one, other) =>
      compareMoney(one.hourly, other.hourly) ||
      other.memoryMiB - one.memoryMiB ||
      one.id.localeCompare(other.id),
  );
}

/**
 * The size that is meant: one of the provider's own, or the cheapest x86 machine without a GPU that fulfils a wish and can be
 * had in one of the regions.
 * @throws SpuffError `usage` for a name that the provider does not know, or where no price of what fits is known; `quota` when nothing that fits can be had there
 */
export function chooseSize(
  provider: Pick<Provider, 'id'>,
  sizes: readonly Size[],
  wanted: string,
  regions: readonly string[],
): Size {
  const known = sizes.find(({ id }) => id === wanted);
  if (known) return known;
  const wish = parseWish(wanted);
  if (!wish) throw unknownSize(provider, sizes, wanted);
  const fitting = sizes.filter(
    (size) =>
      size.vcpus >= wish.vcpus && size.memoryMiB >= wish.memoryMiB && !size.gpu && size.arch === 'x86_64',
  );
  const offered = sortByPrice(fitting.filter((size) => isOffered(size, regions)));
  const [cheapest] = offered;
  if (cheapest?.hourly) return cheapest;
  if (cheapest) throw unknownPrices(offered, wanted);
  throw new SpuffError(
    'quota',
    `${provider.id} has nothing like ${wanted} in ${regions.join(', ')} at the moment`,
    {
      hints: [
        fitting.length > 0 ? 'it has elsewhere: name another region' : 'ask for less',
        `see what there is: spuff sizes --provider ${provider.id}`,
      ],
    },
  );
}

/** Nobody is to pay for a guess: a machine whose price is not known is taken by name alone. */
function unknownPrices(offered: readonly Size[], wanted: string): SpuffError {
  const smallest = [...offered].sort(
    (one, other) => one.vcpus - other.vcpus || one.memoryMiB - other.memoryMiB,
  );
  const names = smallest.slice(0, 4).map(({ id }) => id);
  return new SpuffError(
    'usage',
    `which ${wanted} is the cheapest is not known: the provider tells no price of those that fit`,
    {
      hints: [
        `name one: --size ${names[0] ?? ''}`,
        `there are ${names.join(', ')}${offered.length > 4 ? ' and others' : ''}`,
      ],
    },
  );
}

function unknownSize(provider: Pick<Provider, 'id'>, sizes: readonly Size[], wanted: string): SpuffError {
  // Names of sizes have hyphens, which the search takes for underscores.
  const names = new Map(sizes.map(({ id }) => [id.replaceAll('-', '_'), id]));
  const close = names.get(findClosestName(wanted, [...names.keys()]) ?? '');
  return new SpuffError('usage', `${provider.id} has no size ${JSON.stringify(wanted)}`, {
    hints: [
      ...(close === undefined ? [] : [`did you mean ${close}?`]),
      'or say what you need, such as 4cpu-8gb',
      `see what there is: spuff sizes --provider ${provider.id}`,
    ],
  });
}
