import { generateKeyPairSync, randomInt } from 'node:crypto';
import { Secret } from '../domain/secret.ts';
import { encodeString, encodeUint32 } from '../lib/ssh-wire.ts';

/**
 * A new ed25519 key pair in OpenSSH's own format, made in memory: nothing touches the disk, and no process sees it.
 * @param comment one printable ASCII line
 * @see https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key; RFC 8709 for the public half
 * @throws TypeError for a comment that does not fit one line
 */
export function makeHostKey(comment: string): { publicKey: string; privateKey: Secret } {
  if (!/^[\x21-\x7e]{1,100}$/.test(comment))
    throw new TypeError('a key comment is one word of printable ASCII');
  const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  if (!x || !d) throw new TypeError('node:crypto gave an ed25519 key without its parts');
  const publicBytes = Buffer.from(x, 'base64url');
  const blob = Buffer.concat([encodeString('ssh-ed25519'), encodeString(publicBytes)]);
  const sealed = sealPrivateHalf(Buffer.concat([Buffer.from(d, 'base64url'), publicBytes]), blob, comment);
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0', 'latin1'),
    encodeString('none'),
    encodeString('none'),
    encodeString(''),
    encodeUint32(1),
    encodeString(blob),
    encodeString(sealed),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    publicKey: `ssh-ed25519 ${blob.toString('base64')} ${comment}`,
    privateKey: new Secret(
      ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n'),
    ),
  };
}

/** The private section, unencrypted: two equal check numbers, the key, the comment, padding 1, 2, 3 to a block of 8. */
function sealPrivateHalf(privateBytes: Buffer, publicBlob: Buffer, comment: string): Buffer {
  const check = encodeUint32(randomInt(2 ** 32));
  const section = Buffer.concat([
    check,
    check,
    publicBlob,
    encodeString(privateBytes),
    encodeString(comment),
  ]);
  const padding = Array.from({ length: (8 - (section.length % 8)) % 8 }, (_, index) => index + 1);
  return Buffer.concat([section, Buffer.from(padding)]);
}
