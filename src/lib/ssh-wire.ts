/** The data types that every SSH format is made of (RFC 4251, section 5). */

/** A length-prefixed string. */
export function encodeString(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([encodeUint32(bytes.length), bytes]);
}

export function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Splits a blob that consists of nothing but strings; null when it does not. */
export function decodeStrings(blob: Uint8Array): Buffer[] | null {
  return readWhole(blob, (reader) => {
    const strings: Buffer[] = [];
    while (!reader.isAtEnd()) strings.push(reader.string());
    return strings;
  });
}

/** Reads a blob from its front. What isn't there, or isn't what it should be, ends the `readWhole` around it with null. */
export interface WireReader {
  byte(): number;
  uint32(): number;
  /** One byte, 0 or 1: RFC 4251 forbids to send another. */
  boolean(): boolean;
  /** Shares its memory with the blob. */
  string(): Buffer;
  /** A string of well-formed UTF-8, no more than `maxBytes` long: two different ones are never read as the same text. */
  text(maxBytes: number): string;
  /** Exactly these bytes, without a length before them. */
  expectBytes(expected: Uint8Array): void;
  /** Whatever is left, which may be nothing. */
  rest(): Buffer;
  isAtEnd(): boolean;
}

class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

/** @returns what `read` gave; null when it met something unreadable, gave null itself, or left a byte unread */
export function readWhole<Value>(blob: Uint8Array, read: (reader: WireReader) => Value | null): Value | null {
  const reader = new BlobReader(blob);
  try {
    const value = read(reader);
    return reader.isAtEnd() ? value : null;
  } catch (error) {
    if (error instanceof UnreadableError) return null;
    throw error;
  }
}

class BlobReader implements WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(blob: Uint8Array) {
    this.#bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  }

  byte(): number {
    return this.#take(1).readUInt8();
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  boolean(): boolean {
    const value = this.byte();
    if (value > 1) throw new UnreadableError();
    return value === 1;
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  text(maxBytes: number): string {
    const bytes = this.string();
    if (bytes.length > maxBytes) throw new UnreadableError();
    // A decoder would replace what is no UTF-8, so that different bytes make the same text.
    const text = bytes.toString('utf8');
    if (!Buffer.from(text, 'utf8').equals(bytes)) throw new UnreadableError();
    return text;
  }

  expectBytes(expected: Uint8Array): void {
    if (!this.#take(expected.length).equals(expected)) throw new UnreadableError();
  }

  rest(): Buffer {
    return this.#take(this.#bytes.length - this.#at);
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new UnreadableError();
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
