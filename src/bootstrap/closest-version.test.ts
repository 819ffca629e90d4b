import { it } from 'vitest';
import { closestVersion } from './closest-version.ts';

it.for([
  ['25', ['22', '24', '26'], '24'],
  ['1.9', ['1.25', '1.26'], '1.25'],
  ['2', ['0.15', '0.16'], '0.16'],
  ['24.17.5', ['22.23.1', '24.18.0'], '24.18.0'],
  ['nightly', ['1.96', 'nightlies'], 'nightlies'],
  ['newest', ['1.25', '1.26'], null],
  ['1', [], null],
] as const)('closest to %s of %j is %s', ([version, versions, closest], { expect }) => {
  expect(closestVersion(version, versions)).toBe(closest);
});
