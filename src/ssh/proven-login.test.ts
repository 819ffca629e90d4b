import { describe, expect, it } from 'vitest';
import { readAcceptedKey } from './proven-login.ts';

const [one, two] = ['a', 'b'].map((letter) => `SHA256:${letter.repeat(43)}`) as [string, string];
const accept = (fingerprint: string, path = '/home/someone/.ssh/id') =>
  `debug1: Server accepts key: ${path} ED25519 ${fingerprint} explicit`;

describe('the key that has opened a machine', () => {
  it('is the last one that it accepted: one that can not sign is followed by another', () => {
    const log = ['debug1: Offering public key: x', accept(one), accept(two), 'Authenticated to demo'].join(
      '\n',
    );
    expect(readAcceptedKey(log)).toBe(two);
    expect(readAcceptedKey(accept(one, `/odd ${two} name`))).toBe(one);
    expect(readAcceptedKey(`debug1: Server accepts key: x ED25519 ${one} agent\r\n`)).toBe(one);
  });

  it('is not told by anything that the machine can say', () => {
    expect(readAcceptedKey('')).toBeNull();
    expect(readAcceptedKey(`debug1: Remote: ${accept(one)}`)).toBeNull();
    expect(readAcceptedKey('debug1: Server accepts key: x ED25519 SHA256:short')).toBeNull();
  });
});
