import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { failure } from './errors.ts';

export interface Networks {
  v4: string[];
  v6: string[];
}

/** Everybody. */
export const everywhere: readonly string[] = ['0.0.0.0/0', '::/0'];

/**
 * Networks as AWS writes them: without the bits that the prefix does not cover, each once.
 * @throws ProviderError `invalid` for what is no network
 */
export function readNetworks(cidrs: readonly string[], op: string): Networks {
  const v4 = new Set<string>();
  const v6 = new Set<string>();
  for (const cidr of cidrs) {
    const [address = '', prefix = '', ...more] = cidr.split('/');
    const bits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : 0;
    const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (bits === 0 || more.length > 0 || !(length <= bits)) throw notNetwork(cidr, op);
    if (bits === 32) v4.add(`${maskV4(address, length)}/${length}`);
    else v6.add(`${maskV6(address, length)}/${length}`);
  }
  return { v4: [...v4], v6: [...v6] };
}

function notNetwork(cidr: string, op: string): Error {
  return failure('invalid', op, `${JSON.stringify(cidr)} is not a network`, {
    field: 'firewall',
    hints: ['write an address and the length of its prefix, such as 198.51.100.7/32 or 2001:db8::/64'],
  });
}

function maskV4(address: string, length: number): string {
  return mask(address.split('.').map(Number), 8, length).join('.');
}

function maskV6(address: string, length: number): string {
  const [head = '', tail] = unmapped(address).split('::');
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((one) => Number.parseInt(one, 16));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const whole = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  const masked = mask(whole, 16, length).map((group) => group.toString(16));
  return new SocketAddress({ address: masked.join(':'), family: 'ipv6' }).address;
}

/** An IPv6 address whose end is written as IPv4 (RFC 4291, 2.2), without that. */
function unmapped(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) => {
    const group = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16);
    return `${group(a, b)}:${group(c, d)}`;
  });
}

function mask(parts: readonly number[], bitsEach: number, length: number): number[] {
  return parts.map((part, at) => {
    const covered = Math.min(bitsEach, Math.max(0, length - at * bitsEach));
    return Math.floor(part / 2 ** (bitsEach - covered)) * 2 ** (bitsEach - covered);
  });
}
