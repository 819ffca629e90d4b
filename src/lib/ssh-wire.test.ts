import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeStrings, encodeString, encodeUint32, readWhole } from './ssh-wire.ts';

const bytes = (...values: number[]) => Buffer.from(values);

describe('decodeStrings', () => {
  it('gives back what was encoded, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (values) => {
        const blob = Buffer.concat(values.map((value) => encodeString(value)));
        expect(decodeStrings(blob)).toEqual(values.map((value) => Buffer.from(value)));
      }),
    );
  });

  it('gives null when anything is missing at the end', () => {
    const blob = Buffer.concat([encodeString('one'), encodeString('two')]);
    const whole = [0, 7, 14];
    for (let length = 0; length <= blob.length; length++)
      expect(decodeStrings(blob.subarray(0, length)) !== null, `${length} bytes`).toBe(
        whole.includes(length),
      );
  });
});

describe('readWhole', () => {
  it('reads numbers, booleans and texts, one after the other', () => {
    const blob = Buffer.concat([bytes(7, 0, 1), encodeUint32(0xfffffffe), encodeString('gräs'), bytes(1, 2)]);
    const values = readWhole(blob, (reader) => [
      reader.byte(),
      reader.boolean(),
      reader.boolean(),
      reader.uint32(),
      reader.text(5),
      reader.rest(),
      reader.isAtEnd(),
    ]);
    expect(values).toEqual([7, false, true, 0xfffffffe, 'gräs', bytes(1, 2), true]);
  });

  it('gives null for a byte too many, and for one too few', () => {
    expect(readWhole(bytes(0, 0, 0, 9), (reader) => reader.uint32())).toBe(9);
    expect(readWhole(bytes(0, 0, 0, 9, 0), (reader) => reader.uint32())).toBeNull();
    expect(readWhole(bytes(0, 0, 9), (reader) => reader.uint32())).toBeNull();
    expect(readWhole(bytes(), (reader) => reader.byte())).toBeNull();
  });

  it('takes no other boolean than 0 and 1', () => {
    for (const value of [2, 0x80, 0xff])
      expect(readWhole(bytes(value), (reader) => reader.boolean())).toBeNull();
  });

  it.each([
    ['longer than allowed', Buffer.from('abcdef')],
    ['with a byte that no UTF-8 has', bytes(0x61, 0xff)],
    ['with an overlong encoding', bytes(0xc1, 0xa1)],
    ['with half a surrogate pair', bytes(0xed, 0xa0, 0x80)],
  ])('takes no text %s', (_, content) => {
    expect(readWhole(encodeString(content), (reader) => reader.text(5))).toBeNull();
  });

  it('does not take a text for the one that it looks like', () => {
    const marked = Buffer.from('\ufeffgit', 'utf8');
    expect(readWhole(encodeString(marked), (reader) => reader.text(9))).toBe('\ufeffgit');
  });

  it('wants the bytes that are expected, and no others', () => {
    const read = (blob: Buffer) =>
      readWhole(blob, (reader) => {
        reader.expectBytes(Buffer.from('SSH'));
        return true;
      });
    expect(read(Buffer.from('SSH'))).toBe(true);
    expect(read(Buffer.from('SSh'))).toBeNull();
    expect(read(Buffer.from('SS'))).toBeNull();
  });

  it('lets through what is thrown by the one who reads', () => {
    expect(() =>
      readWhole(bytes(), () => {
        throw new TypeError('a bug');
      }),
    ).toThrow('a bug');
  });
});
