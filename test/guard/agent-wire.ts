/**
 * The agent protocol as an attacker writes it: by hand, and apart from the code of the guard, so that one mistake can't be
 * made on both sides. Data types: RFC 4251, section 5. Messages: draft-ietf-sshm-ssh-agent, OpenSSH's PROTOCOL.agent.
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';

export const message = {
  failure: 5,
  success: 6,
  requestIdentities: 11,
  identitiesAnswer: 12,
  signRequest: 13,
  signResponse: 14,
  addIdentity: 17,
  removeIdentity: 18,
  removeAll: 19,
  addSmartcardKey: 20,
  lock: 22,
  unlock: 23,
  extension: 27,
  extensionFailure: 28,
} as const;

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function string(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

export function frame(body: Uint8Array): Buffer {
  return string(body);
}

/** Reads the strings at the start of a message, as many as there are names. */
export function readStrings(bytes: Buffer, count: number): { strings: Buffer[]; rest: Buffer } {
  const strings: Buffer[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    const end = at + 4 + bytes.readUInt32BE(at);
    strings.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return { strings, rest: bytes.subarray(at) };
}

/** The blob of a `type base64` line. */
export function keyBlob(line: string): Buffer {
  return Buffer.from(line.trim().split(' ')[1] ?? '', 'base64');
}

export function signRequest(key: Uint8Array, data: Uint8Array, flags = 0): Buffer {
  return Buffer.concat([Buffer.of(message.signRequest), string(key), string(data), uint32(flags)]);
}

export interface Bind {
  hostKey: Buffer;
  sessionId: Buffer;
  signature: Buffer;
  forwarding: boolean;
}

const bindName = 'session-bind@openssh.com';

export function encodeBind(bind: Bind): Buffer {
  return Buffer.concat([
    Buffer.of(message.extension),
    string(bindName),
    ...[bind.hostKey, bind.sessionId, bind.signature].map(string),
    Buffer.of(bind.forwarding ? 1 : 0),
  ]);
}

/** null for every other message. */
export function decodeBind(body: Buffer): Bind | null {
  if (body[0] !== message.extension) return null;
  const { strings, rest } = readStrings(body.subarray(1), 1);
  if (strings[0]?.toString() !== bindName) return null;
  const { strings: parts, rest: flag } = readStrings(rest, 3);
  const [hostKey, sessionId, signature] = parts as [Buffer, Buffer, Buffer];
  return { hostKey, sessionId, signature, forwarding: flag[0] === 1 };
}

export interface Login {
  sessionId: Uint8Array;
  user: string;
  algorithm: string;
  key: Uint8Array;
  /** null: the plain method, which names no host key. */
  hostKey: Uint8Array | null;
}

/** What ssh asks the agent to sign in order to log in: RFC 4252, section 7, and OpenSSH's PROTOCOL, section 3.1. */
export function encodeLogin({ sessionId, user, algorithm, key, hostKey }: Login): Buffer {
  const method = hostKey === null ? 'publickey' : 'publickey-hostbound-v00@openssh.com';
  return Buffer.concat([
    string(sessionId),
    Buffer.of(50),
    ...[user, 'ssh-connection', method].map(string),
    Buffer.of(1),
    ...[algorithm, key].map(string),
    ...(hostKey === null ? [] : [string(hostKey)]),
  ]);
}

export function decodeLogin(data: Buffer): Login {
  const { strings: first, rest } = readStrings(data, 1);
  const { strings, rest: tail } = readStrings(rest.subarray(1), 3);
  const { strings: last, rest: bound } = readStrings(tail.subarray(1), 2);
  const [user, , method] = strings.map(String);
  return {
    sessionId: first[0] ?? Buffer.alloc(0),
    user: user ?? '',
    algorithm: String(last[0]),
    key: last[1] ?? Buffer.alloc(0),
    hostKey: method === 'publickey' ? null : (readStrings(bound, 1).strings[0] ?? null),
  };
}

/** The private half of an unencrypted ed25519 key in OpenSSH's format (PROTOCOL.key), as root on a host can read it. */
export function readHostKey(text: string): KeyObject {
  const body = Buffer.from(text.replaceAll(/-----.*-----|\s/g, ''), 'base64').subarray(
    'openssh-key-v1\0'.length,
  );
  const { rest } = readStrings(body, 3);
  const { strings } = readStrings(rest.subarray(4), 2);
  const { strings: parts } = readStrings((strings[1] ?? Buffer.alloc(0)).subarray(8), 3);
  const seed = (parts[2] ?? Buffer.alloc(0)).subarray(0, 32);
  // RFC 8410: the fixed start of a PKCS #8 ed25519 key.
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** The proof that whoever holds this ed25519 host key can make for any session. */
export function proveSession(key: KeyObject, sessionId: Uint8Array): Buffer {
  return Buffer.concat([string('ssh-ed25519'), string(sign(null, sessionId, key))]);
}
