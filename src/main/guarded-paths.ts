import { findHome, guardHome, type HomePaths, homePaths } from '../state/home.ts';

/** The paths of a home that may be used: `guardHome` comes before all that is opened in it. */
export function guardedPaths(): HomePaths {
  const paths = homePaths(findHome());
  guardHome(paths);
  return paths;
}
