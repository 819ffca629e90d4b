import { createHash, randomBytes } from 'node:crypto';
import { Secret } from '../domain/secret.ts';

/** 256 bits, so that the token needs no slow hash: there is nothing to guess. */
const tokenBytes = 32;

/**
 * Makes the token of one machine's agent: 43 characters of base64url.
 * @param random exactly 32 bytes of a cryptographic generator
 */
export function makeAgentToken(random: Uint8Array = randomBytes(tokenBytes)): Secret {
  if (random.length !== tokenBytes) throw new RangeError(`an agent token takes ${tokenBytes} random bytes`);
  return new Secret(Buffer.from(random).toString('base64url'));
}

/** SHA-256 of the token's ASCII characters, in lower-case hex: all that a machine ever knows of it. */
export function hashAgentToken(token: Secret): string {
  return createHash('sha256').update(token.reveal(), 'ascii').digest('hex');
}
