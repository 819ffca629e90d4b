/**
 * What a signature of an ssh-agent can be over, as far as the guard knows it. A parser gives null for everything that is not
 * exactly that: whoever may choose a single byte more may choose what is signed.
 */
import { readWhole, type WireReader } from '../../lib/ssh-wire.ts';

/** A login (RFC 4252, section 7; OpenSSH's PROTOCOL, section 3.1 for the method that names the host's key). */
export interface LoginData {
  kind: 'login';
  sessionId: Buffer;
  user: string;
  /** Of the signature. */
  algorithm: string;
  /** Of the one who logs in. */
  keyBlob: Buffer;
  /** null: the method is `publickey`, and the signature is bound to no host. */
  hostKey: Buffer | null;
}

/** A signature over a file or a commit, as `ssh-keygen -Y sign` makes it (OpenSSH's PROTOCOL.sshsig). */
export interface SshsigData {
  kind: 'sshsig';
  /** What the signature is good for: `git`, `file`. */
  namespace: string;
}

const userauthRequest = 50;
const sshsigMagic = Buffer.from('SSHSIG');
const maxUserBytes = 255;
const maxNameBytes = 255;
const digestBytes = new Map([
  ['sha256', 32],
  ['sha512', 64],
]);

/** @param data not the hash of it: the agent hashes */
export function parseSignedData(data: Uint8Array): LoginData | SshsigData | null {
  // A login begins with the length of a session id, and no id is that long: it can't be taken for the other.
  return readWhole(data, readSshsig) ?? readWhole(data, readLogin);
}

function readLogin(reader: WireReader): LoginData | null {
  const sessionId = reader.string();
  if (reader.byte() !== userauthRequest) return null;
  const user = reader.text(maxUserBytes);
  if (reader.text(maxNameBytes) !== 'ssh-connection') return null;
  const method = reader.text(maxNameBytes);
  // Whether there is a signature: this is what it is made over.
  if (!reader.boolean()) return null;
  const login = {
    kind: 'login' as const,
    sessionId,
    user,
    algorithm: reader.text(maxNameBytes),
    keyBlob: reader.string(),
  };
  if (method === 'publickey') return { ...login, hostKey: null };
  if (method === 'publickey-hostbound-v00@openssh.com') return { ...login, hostKey: reader.string() };
  return null;
}

function readSshsig(reader: WireReader): SshsigData | null {
  reader.expectBytes(sshsigMagic);
  const namespace = reader.text(maxNameBytes);
  const reserved = reader.string();
  const hash = reader.text(maxNameBytes);
  const digest = reader.string();
  const isWhole = reserved.length === 0 && digest.length === digestBytes.get(hash);
  return isWhole ? { kind: 'sshsig', namespace } : null;
}
