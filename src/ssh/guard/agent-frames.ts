/**
 * How messages follow each other on a connection to an ssh-agent: a 32-bit length, then that many bytes, of which the first
 * is the type (RFC 9987, section 3; OpenSSH allows 256 KiB).
 */
import { encodeUint32 } from '../../lib/ssh-wire.ts';

export const maxBodyBytes = 256 * 1024;

const headerBytes = 4;

/** The other side breaks the protocol. Where the next message begins can't be told any more: close the connection. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export interface FrameReader {
  /**
   * Takes what has arrived, cut anywhere.
   * @returns the bodies that are whole now, in order; memory of their own
   * @throws FrameError as soon as a length is 0 or more than `maxBodyBytes`, and for everything after it
   */
  push(chunk: Uint8Array): Buffer[];
  /** Whether a message has begun and not ended. */
  isPartial(): boolean;
}

/** Holds at most one message that has not ended: `maxBodyBytes`, whatever the size of the chunks. */
export function createFrameReader(): FrameReader {
  const header = Buffer.alloc(headerBytes);
  let body: Buffer | null = null;
  /** How much of the header is there, or of the body once that has begun. */
  let filled = 0;
  let isBroken = false;

  const startBody = (): Buffer => {
    const length = header.readUInt32BE();
    isBroken = length === 0 || length > maxBodyBytes;
    if (isBroken) throw new FrameError(`a message of ${length} bytes is not possible`);
    return Buffer.alloc(length);
  };

  return {
    push: (chunk) => {
      if (isBroken) throw new FrameError('an earlier message had an impossible length');
      const bodies: Buffer[] = [];
      for (let at = 0; at < chunk.length; ) {
        const target = body ?? header;
        const taken = chunk.subarray(at, at + target.length - filled);
        target.set(taken, filled);
        at += taken.length;
        filled += taken.length;
        if (filled < target.length) break;
        filled = 0;
        if (body === null) {
          body = startBody();
        } else {
          bodies.push(body);
          body = null;
        }
      }
      return bodies;
    },
    isPartial: () => body !== null || filled > 0,
  };
}

/** @throws TypeError for a body that no reader would take */
export function encodeFrame(body: Uint8Array): Buffer {
  if (body.length === 0 || body.length > maxBodyBytes)
    throw new TypeError(`no message has ${body.length} bytes`);
  return Buffer.concat([encodeUint32(body.length), body]);
}
