/** The values of a guard's policy, wherever they are written: in a file or on a command line. */
import { type PublicKey, parsePublicKey } from './public-key.ts';

/** `git.example.com`, `[git.example.com]:2222`, `2001:db8::1`. In small letters, as host names are compared. */
export function readHostName(text: string): string | null {
  const name = text.toLowerCase();
  const isName = /^(?:[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|[0-9a-f:.]{2,45})$/;
  const withPort = /^\[(?<host>[^\]]+)\]:(?<port>[1-9]\d{0,4})$/.exec(name)?.groups;
  const host = withPort?.['host'] ?? name;
  return isName.test(host) && Number(withPort?.['port'] ?? 1) <= 65_535 ? name : null;
}

/** Whom a login on a forge is as. */
export function readLoginUser(text: string): string | null {
  return /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/.test(text) ? text : null;
}

/** `SHA256:…` as ssh prints it. */
export function readFingerprint(text: string): string | null {
  return /^SHA256:[A-Za-z0-9+/]{43}$/.test(text) ? text : null;
}

const hostKeyTypes = new Set([
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
]);

/**
 * `type base64`, and perhaps a comment.
 * @returns null for what is no host key, or one that proves too little: certificates, DSA, RSA below 2048 bits
 */
export function readHostKey(text: string): PublicKey | null {
  const key = parsePublicKey(text.trim());
  if (key === null || !hostKeyTypes.has(key.type)) return null;
  return key.type === 'ssh-rsa' && key.bits < 2048 ? null : key;
}
