/**
 * Reads an address or a network in CIDR notation (RFC 4632, RFC 4291) and writes it as providers want it: with a prefix
 * length, and without bits beyond it.
 * @returns null for anything else
 */
export function parseNetwork(text: string): string | null {
  const [, address = '', prefix] = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  // Loaded here: most commands have no address to read.
  const version = process.getBuiltinModule('node:net').isIP(address);
  if (version === 0) return null;
  const bits = version === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (length > bits) return null;
  const value = version === 4 ? readIpv4(address) : readIpv6(address);
  const masked = (value >> BigInt(bits - length)) << BigInt(bits - length);
  return `${version === 4 ? writeIpv4(masked) : writeIpv6(masked)}/${length}`;
}

/** Whether the network holds the address; networks of the other version never do. */
export function networkHolds(network: string, address: string): boolean {
  const length = network.split('/')[1];
  return parseNetwork(`${address}/${length}`) === parseNetwork(network);
}

function readIpv4(text: string): bigint {
  return text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function writeIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

/** `::` stands for as many zeros as are missing; the last 32 bits may be written as IPv4. */
function readIpv6(text: string): bigint {
  const plain = text.replace(/[0-9.]+$/, (end) => {
    if (!end.includes('.')) return end;
    const value = readIpv4(end);
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce((value, part) => (value << 16n) | BigInt(`0x${part}`), 0n);
}

/** The longest run of zeros is left out (RFC 5952). The URL parser writes addresses that way. */
function writeIpv6(value: bigint): string {
  const parts = Array.from({ length: 8 }, (_, at) =>
    ((value >> BigInt(112 - at * 16)) & 0xffffn).toString(16),
  );
  return new URL(`http://[${parts.join(':')}]`).hostname.slice(1, -1);
}
