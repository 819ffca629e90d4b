import type { CallOptions } from '../../domain/provider.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { checkRegion, type PlacedId } from './endpoints.ts';

/** The regions that machines are looked for in. What is made in another one in this process is looked for there too. */
export interface Regions {
  readonly home: string;
  all(): readonly string[];
  add(region: string): void;
}

export interface Aws {
  client: AwsClient;
  regions: Regions;
}

export function watchRegions(given: readonly string[]): Regions {
  const known = new Set(given.map((region) => checkRegion(region, 'connect')));
  const [home] = known;
  if (home === undefined) throw new TypeError('AWS needs a region');
  return { home, all: () => [...known], add: (region) => void known.add(region) };
}

export function callIn(region: string, op: string, options: CallOptions): AwsCall {
  return { op, region, options };
}

/** Where a thing may be: where its id says, else anywhere. */
export function regionsOf({ regions }: Aws, { region }: PlacedId): readonly string[] {
  return region === null ? regions.all() : [region];
}

/** The first answer that is not null, in the order of the regions; all are asked at once. */
export async function firstIn<T>(
  regions: readonly string[],
  ask: (region: string) => Promise<T | null>,
): Promise<T | null> {
  const answers = await Promise.all(regions.map(ask));
  return answers.find((answer) => answer !== null) ?? null;
}
