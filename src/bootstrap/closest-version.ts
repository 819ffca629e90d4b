import { findClosestName } from '../lib/closest-name.ts';

/** The version that is nearest by its numbers, the first one counting most; by its letters where it has none. */
export function closestVersion(version: string, versions: readonly string[]): string | null {
  const wanted = numbersOf(version);
  if (wanted === null) return findClosestName(version, versions);
  let best: { version: string; distance: number } | null = null;
  for (const candidate of versions) {
    const numbers = numbersOf(candidate);
    if (numbers === null) continue;
    const distance = Math.abs(rank(wanted) - rank(numbers));
    if (best === null || distance < best.distance) best = { version: candidate, distance };
  }
  return best?.version ?? null;
}

function numbersOf(version: string): number[] | null {
  return /^\d{1,4}(\.\d{1,4}){0,2}$/.test(version) ? version.split('.').map(Number) : null;
}

function rank([major = 0, minor = 0, patch = 0]: readonly number[]): number {
  return (major * 10_000 + minor) * 10_000 + patch;
}
