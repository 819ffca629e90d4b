import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUint32 } from '../../lib/ssh-wire.ts';
import { createFrameReader, encodeFrame, FrameError, maxBodyBytes } from './agent-frames.ts';

const bodies = [Buffer.from([11]), Buffer.from('a message'), Buffer.alloc(300, 5), Buffer.from([1, 0])];
const stream = Buffer.concat(bodies.map((body) => encodeFrame(body)));

describe('createFrameReader', () => {
  it('takes the same messages from a stream that is cut at any byte', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const reader = createFrameReader();
      const got = [...reader.push(stream.subarray(0, cut)), ...reader.push(stream.subarray(cut))];
      expect(got, `cut at ${cut}`).toEqual(bodies);
      expect(reader.isPartial()).toBe(false);
    }
  });

  it('takes the same messages from a stream that is cut into any pieces', () => {
    const piece = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 30 });
    fc.assert(
      fc.property(piece, (sizes) => {
        const reader = createFrameReader();
        const got: Buffer[] = [];
        let at = 0;
        for (const size of [...sizes, stream.length]) {
          got.push(...reader.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(got).toEqual(bodies);
      }),
    );
  });

  it('gives each message as soon as its last byte is there, and says when one has begun', () => {
    const reader = createFrameReader();
    const given: number[] = [];
    for (const [index, byte] of stream.entries()) {
      if (reader.push(Buffer.from([byte])).length > 0) given.push(index + 1);
      expect(reader.isPartial()).toBe(!given.includes(index + 1));
    }
    expect(given).toEqual([5, 18, 322, 328]);
  });

  it('gives memory of its own', () => {
    const chunk = encodeFrame(Buffer.from('request'));
    const [body] = createFrameReader().push(chunk);
    chunk.fill(0);
    expect(body?.toString()).toBe('request');
  });

  it.each([1, maxBodyBytes - 1, maxBodyBytes])('takes a message of %i bytes', (length) => {
    const body = Buffer.alloc(length, 3);
    expect(createFrameReader().push(encodeFrame(body))).toEqual([body]);
  });

  it.each([0, maxBodyBytes + 1, 0x7fffffff, 0x80000000, 0xffffffff])(
    'refuses a length of %i as soon as it is there, and everything after it',
    (length) => {
      const reader = createFrameReader();
      const header = encodeUint32(length);
      expect(reader.push(header.subarray(0, 3))).toEqual([]);
      expect(() => reader.push(header.subarray(3))).toThrow(FrameError);
      expect(() => reader.push(encodeFrame(Buffer.from([11])))).toThrow(FrameError);
      expect(() => reader.push(Buffer.alloc(0))).toThrow(FrameError);
    },
  );

  it('says what is wrong', () => {
    const reader = createFrameReader();
    expect(() => reader.push(encodeUint32(0))).toThrow('a message of 0 bytes is not possible');
    expect(() => reader.push(Buffer.alloc(1))).toThrow('an earlier message had an impossible length');
    expect(new FrameError('why').name).toBe('FrameError');
    expect(() => encodeFrame(Buffer.alloc(0))).toThrow('no message has 0 bytes');
  });

  it('refuses an impossible length after good messages in the same chunk', () => {
    expect(() => createFrameReader().push(Buffer.concat([stream, encodeUint32(0)]))).toThrow(FrameError);
  });

  it('copies each byte once when a large message comes in small pieces', () => {
    const timeMs = (length: number) => {
      const reader = createFrameReader();
      const frame = encodeFrame(Buffer.alloc(length, 1));
      const startedMs = performance.now();
      for (let at = 0; at < frame.length; at++) reader.push(frame.subarray(at, at + 1));
      return performance.now() - startedMs;
    };
    timeMs(maxBodyBytes);
    // Copying all that is there for each piece would move 32 GiB.
    expect(timeMs(maxBodyBytes)).toBeLessThan(2_000);
  });
});

describe('encodeFrame', () => {
  it('makes no frame that a reader would refuse', () => {
    expect(() => encodeFrame(Buffer.alloc(0))).toThrow(TypeError);
    expect(() => encodeFrame(Buffer.alloc(maxBodyBytes + 1))).toThrow(TypeError);
    expect(encodeFrame(Buffer.from([5]))).toEqual(Buffer.from([0, 0, 0, 1, 5]));
  });
});
