import { BlockList, isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkHolds, parseNetwork } from './network-address.ts';

describe('parseNetwork', () => {
  it.each([
    ['198.51.100.7', '198.51.100.7/32'],
    ['198.51.100.7/24', '198.51.100.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['2001:DB8:0:0:1::5/64', '2001:db8::/64'],
    ['::/0', '::/0'],
    ['::ffff:198.51.100.7', '::ffff:c633:6407/128'],
  ])('%s is %s', (text, network) => {
    expect(parseNetwork(text)).toBe(network);
  });

  it.each([
    '',
    'home',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.4/33',
    '1.2.3.4/',
    '::1/129',
    '1.2.3.4/-1',
    ':::',
    '1::2::3',
    '1.2.3.4 ',
  ])('%j is none', (text) => {
    expect(parseNetwork(text)).toBeNull();
  });

  it('gives a network that it reads as itself', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4Extended(), fc.ipV6(), fc.string()),
        fc.nat({ max: 130 }),
        (address, length) => {
          const network = parseNetwork(`${address}/${length}`);
          if (network !== null) expect(parseNetwork(network)).toBe(network);
        },
      ),
    );
  });
});

describe('networkHolds', () => {
  it('agrees with the system', () => {
    const pair = fc.oneof(
      fc.tuple(fc.ipV4(), fc.ipV4(), fc.nat({ max: 32 })),
      fc.tuple(fc.ipV6(), fc.ipV6(), fc.nat({ max: 128 })),
    );
    fc.assert(
      fc.property(pair, fc.boolean(), ([base, other, length], near) => {
        const address = near ? base : other;
        if (!(isIPv4(base) && isIPv4(address)) && !(isIPv6(base) && isIPv6(address))) return;
        const family = isIPv4(base) ? 'ipv4' : 'ipv6';
        const list = new BlockList();
        list.addSubnet(base, length, family);
        expect(networkHolds(`${base}/${length}`, address)).toBe(list.check(address, family));
      }),
    );
  });

  it('never mixes the versions', () => {
    expect(networkHolds('0.0.0.0/0', '::1')).toBe(false);
    expect(networkHolds('::/0', '1.2.3.4')).toBe(false);
  });
});
