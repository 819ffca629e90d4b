/**
 * Gets everything out of the way that would take real time in the middle of a life: modules that are loaded when they are
 * first needed, and signatures, which the platform makes in threads of its own and in any order.
 */
import { createHash, createHmac } from 'node:crypto';

await Promise.all([
  import('aws4fetch'),
  import('fast-xml-parser'),
  import('../../src/app/check-policy.ts'),
  import('../../src/app/choose-size.ts'),
  import('../../src/app/remove-machine.ts'),
  import('../../src/bootstrap/user-data.ts'),
  import('../../src/lib/retry.ts'),
]);

/** As much of Web Crypto as `aws4fetch` uses, done at once. */
const atOnce = {
  digest: async (_algorithm: unknown, data: Uint8Array) =>
    toBuffer(createHash('sha256').update(data).digest()),
  importKey: async (_format: string, key: Uint8Array) => key,
  sign: async (_algorithm: unknown, key: Uint8Array, data: Uint8Array) => toBuffer(sign(key, data)),
};

/** The keys of a day are made from one another, the same ones again and again. */
const longestScope = 24;
const made = new Map<string, Buffer>();

function sign(key: Uint8Array, data: Uint8Array): Buffer {
  const make = () => createHmac('sha256', new Uint8Array(key)).update(data).digest();
  if (data.byteLength > longestScope) return make();
  const name = `${Buffer.from(key).toString('base64')} ${Buffer.from(data).toString()}`;
  const known = made.get(name) ?? make();
  made.set(name, known);
  return known;
}

function toBuffer(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

for (const [name, value] of Object.entries(atOnce))
  Object.defineProperty(crypto.subtle, name, { value, configurable: true });
