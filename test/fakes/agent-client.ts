/** What an ssh client says to an agent, field by field; also what none would say. */
import { encodeString, encodeUint32 } from '../../src/lib/ssh-wire.ts';
import { encodeStrings } from './ssh-hosts.ts';

export const hostboundMethod = 'publickey-hostbound-v00@openssh.com';

export interface BindFields {
  hostKey: Uint8Array;
  sessionId: Uint8Array;
  signature: Uint8Array;
  /** As the byte on the wire. */
  forwarding: number;
}

export function encodeBind({ hostKey, sessionId, signature, forwarding }: BindFields): Buffer {
  return Buffer.concat([
    Buffer.from([27]),
    encodeStrings('session-bind@openssh.com', hostKey, sessionId, signature),
    Buffer.from([forwarding]),
  ]);
}

export interface LoginFields {
  sessionId: Uint8Array;
  type?: number;
  user: string | Uint8Array;
  service?: string;
  method?: string;
  /** Whether a signature follows, as the byte on the wire. */
  signed?: number;
  algorithm: string;
  keyBlob: Uint8Array;
  /** null: there is no such field. */
  hostKey: Uint8Array | null;
}

/** What is signed to log in. The method follows from whether there is a host key, unless it is given. */
export function encodeLogin(fields: LoginFields): Buffer {
  const method = fields.method ?? (fields.hostKey === null ? 'publickey' : hostboundMethod);
  return Buffer.concat([
    encodeString(fields.sessionId),
    Buffer.from([fields.type ?? 50]),
    encodeStrings(fields.user, fields.service ?? 'ssh-connection', method),
    Buffer.from([fields.signed ?? 1]),
    encodeStrings(fields.algorithm, fields.keyBlob),
    ...(fields.hostKey === null ? [] : [encodeString(fields.hostKey)]),
  ]);
}

export interface SshsigFields {
  namespace: string;
  reserved?: string;
  hash?: string;
  digest?: Uint8Array;
}

export function encodeSshsig(fields: SshsigFields): Buffer {
  return Buffer.concat([
    Buffer.from('SSHSIG', 'latin1'),
    encodeStrings(
      fields.namespace,
      fields.reserved ?? '',
      fields.hash ?? 'sha512',
      fields.digest ?? Buffer.alloc(64, 7),
    ),
  ]);
}

export function encodeSignRequest(keyBlob: Uint8Array, data: Uint8Array, flags: number): Buffer {
  return Buffer.concat([Buffer.from([13]), encodeStrings(keyBlob, data), encodeUint32(flags)]);
}
