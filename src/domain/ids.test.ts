import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInstanceKey, makeInstanceKey } from './ids.ts';

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const random = fc.uint8Array({ minLength: 10, maxLength: 10 });

describe('makeInstanceKey', () => {
  it('fits a tag, a label value, a host name and a container name', () => {
    fc.assert(
      fc.property(time, random, (nowMs, bytes) => {
        const key = makeInstanceKey(nowMs, bytes);
        expect(key).toMatch(/^[0-9a-z]{26}$/);
        expect(isInstanceKey(key)).toBe(true);
      }),
    );
  });

  it('sorts by the time it was made', () => {
    fc.assert(
      fc.property(time, time, random, random, (a, b, bytesA, bytesB) => {
        fc.pre(a !== b);
        expect(makeInstanceKey(a, bytesA) < makeInstanceKey(b, bytesB)).toBe(a < b);
      }),
    );
  });

  it('holds every random bit', () => {
    fc.assert(
      fc.property(time, random, random, (nowMs, a, b) => {
        expect(makeInstanceKey(nowMs, a) === makeInstanceKey(nowMs, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  it('agrees with a known ULID', () => {
    // The example of the ULID specification: 01ARZ3NDEKTSV4RRFFQ69G5FAV.
    const bytes = Buffer.from('d6764c61efb99302bd5b', 'hex');
    expect(makeInstanceKey(1_469_922_850_259, bytes)).toBe('01arz3ndektsv4rrffq69g5fav');
  });
});

describe('isInstanceKey', () => {
  it.each([
    '',
    '01arz3ndektsv4rrffq69g5fa',
    '81arz3ndektsv4rrffq69g5fav',
    '01ARZ3NDEKTSV4RRFFQ69G5FAV',
    '01arz3ndektsv4rrffq69g5fau',
  ])('refuses %j', (text) => {
    expect(isInstanceKey(text)).toBe(false);
  });
});
