/**
 * The key of an instance: 26 lower-case characters of Crockford base32, 48 bits of time and 80 random bits, in the
 * order of creation (the layout of ULID, https://github.com/ulid/spec). It is valid as it stands in a DigitalOcean tag,
 * a Hetzner label value, an AWS tag or client token, a container name and a host name.
 */
export type InstanceKey = string & { readonly __brand: 'InstanceKey' };

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const keyPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Makes a key from the time in ms since the epoch and exactly 10 random bytes. */
export function makeInstanceKey(nowMs: number, random: Uint8Array): InstanceKey {
  if (random.length !== 10) throw new RangeError('an instance key takes 10 random bytes');
  let value = BigInt(Math.floor(nowMs)) & 0xffff_ffff_ffffn;
  for (const byte of random) value = (value << 8n) | BigInt(byte);
  let key = '';
  for (let i = 0; i < 26; i++) {
    key = alphabet.charAt(Number(value & 31n)) + key;
    value >>= 5n;
  }
  return key as InstanceKey;
}

/** When a key was made, in ms, by the clock of the computer that made it. */
export function keyTimeMs(key: InstanceKey): number {
  return [...key.slice(0, 10)].reduce((time, char) => time * 32 + alphabet.indexOf(char), 0);
}

export function isInstanceKey(text: string): text is InstanceKey {
  return keyPattern.test(text);
}
