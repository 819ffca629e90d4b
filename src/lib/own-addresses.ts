import { networkInterfaces } from 'node:os';

/** The addresses of this computer as one text, to see that they have changed: another network, or none. */
export function describeAddresses(): string {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
    .sort()
    .join(' ');
}
