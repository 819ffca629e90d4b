import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/domain/secret.ts';
import { hashAgentToken, makeAgentToken } from '../../src/lib/agent-token.ts';

// S4: 256 random bits for each machine.
describe('agent tokens', () => {
  it('are 32 bytes in base64url, and print as nothing', () => {
    const token = makeAgentToken();
    expect(token).toBeInstanceOf(Secret);
    expect(token.reveal()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(token.reveal(), 'base64url')).toHaveLength(32);
    expect(`${token} ${JSON.stringify({ token })}`).toBe('[redacted] {"token":"[redacted]"}');
  });

  it('are never the same twice, nor is any part of them', () => {
    const tokens = Array.from({ length: 20_000 }, () => makeAgentToken().reveal());
    expect(new Set(tokens).size).toBe(tokens.length);
    // 10 of 43 characters are 60 bits: by chance two of 20,000 agree once in billions of runs.
    for (const from of [0, 16, 33]) {
      expect(new Set(tokens.map((token) => token.slice(from, from + 10))).size).toBe(tokens.length);
    }
  });

  it('have every one of their 256 bits set half of the time, whatever the others are', () => {
    const count = 8_192;
    const ones = new Array<number>(256).fill(0);
    const pairs = new Array<number>(255).fill(0);
    for (let i = 0; i < count; i++) {
      const bytes = Buffer.from(makeAgentToken().reveal(), 'base64url');
      const bits = Array.from({ length: 256 }, (_, bit) => ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1);
      for (const [bit, value] of bits.entries()) {
        ones[bit] = (ones[bit] ?? 0) + value;
        if (bit > 0 && bits[bit - 1] === value) pairs[bit - 1] = (pairs[bit - 1] ?? 0) + 1;
      }
    }
    // Seven standard deviations (sqrt(8192)/2 = 45): a false alarm once in a billion runs.
    for (const number of [...ones, ...pairs]) expect(Math.abs(number - count / 2)).toBeLessThan(7 * 45.3);
  });

  it('take exactly 32 bytes of chance', () => {
    expect(makeAgentToken(new Uint8Array(32)).reveal()).toBe('A'.repeat(43));
    for (const length of [0, 16, 31, 33])
      expect(() => makeAgentToken(new Uint8Array(length))).toThrow(RangeError);
  });

  it('leave only their SHA-256 behind: of the characters, as the machine counts it', () => {
    const token = makeAgentToken();
    expect(hashAgentToken(token)).toBe(createHash('sha256').update(token.reveal()).digest('hex'));
    expect(hashAgentToken(new Secret('A'.repeat(43)))).toBe(
      createHash('sha256').update('A'.repeat(43)).digest('hex'),
    );
  });
});
