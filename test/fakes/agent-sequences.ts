/**
 * What a client does on one connection, as names and numbers that a rule can be written about, and as the bytes that it
 * sends. Values are what the client claims: any of them may be wrong.
 */
import { encodeBind, encodeLogin, encodeSignRequest, encodeSshsig, hostboundMethod } from './agent-client.ts';
import { encodeStrings, type FakeHost, makeHost } from './ssh-hosts.ts';

export const hostNames = ['machine', 'forge', 'lab', 'rack', 'stranger', 'weak'] as const;
export type HostName = (typeof hostNames)[number];
export const keyNames = ['ed', 'ecdsa', 'rsa', 'sk', 'dsa', 'absent'] as const;
export type KeyName = (typeof keyNames)[number];
type Damage = 'none' | 'cut' | 'longer';

export interface BindStep {
  do: 'bind';
  host: HostName;
  session: number;
  /** Whose private key made the signature, and over which session. */
  signer: HostName;
  signedSession: number;
  forwarding: number;
  message: Damage;
  /** The byte to change, counted from the last one: 1; 0: none. */
  flipFromEnd: number;
}

export interface SignStep {
  do: 'sign';
  what: 'login' | 'commit';
  key: KeyName;
  flags: number;
  message: Damage;
  data: Damage;
  flipFromEnd: number;
  flipBits: number;
  // Of a login:
  session: number;
  type: number;
  user: string;
  service: string;
  method: string;
  signed: number;
  algorithm: string;
  namedKey: KeyName;
  hostKey: HostName | null;
  // Of a commit:
  namespace: string;
  reserved: string;
  hash: string;
  digestBytes: number;
}

export type Step = BindStep | SignStep;

/** What each field may be; the first value is the usual one. */
const damages: Damage[] = ['none', 'cut', 'longer'];
const bindDomain: { [Field in keyof BindStep]: readonly BindStep[Field][] } = {
  do: ['bind'],
  host: hostNames,
  session: [0, 1, 2],
  signer: hostNames,
  signedSession: [0, 1, 2],
  forwarding: [0, 1, 2],
  message: damages,
  flipFromEnd: [0, 2, 3, 30, 60],
};
const signDomain: { [Field in keyof SignStep]: readonly SignStep[Field][] } = {
  do: ['sign'],
  what: ['login', 'commit'],
  key: keyNames,
  flags: [0, 2, 4, 1, 6, 0xffffffff],
  message: damages,
  data: damages,
  flipFromEnd: [0, 1, 2, 4, 5, 20, 36, 37, 40, 68, 69, 70, 100, 130],
  flipBits: [1, 6, 0x80],
  session: [0, 1, 2],
  type: [50, 51, 0],
  user: ['git', 'dev', 'root', '', 'git\0'],
  service: ['ssh-connection', 'ssh-userauth'],
  method: ['publickey', hostboundMethod, 'hostbased'],
  signed: [1, 0, 2],
  algorithm: [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'sk-ssh-ed25519@openssh.com',
    'rsa-sha2-256',
    'rsa-sha2-512',
    'ssh-rsa',
    'ssh-dss',
  ],
  namedKey: keyNames,
  hostKey: [null, ...hostNames],
  namespace: ['git', 'file', ''],
  reserved: ['', 'x'],
  hash: ['sha512', 'sha256', 'sha1'],
  digestBytes: [64, 32, 20, 0],
};
const usualSign = Object.fromEntries(
  Object.entries(signDomain).map(([field, values]) => [field, values[0]]),
) as unknown as SignStep;

export function bindOf(host: HostName, session: number, forwarding: number): BindStep {
  return {
    do: 'bind',
    host,
    session,
    signer: host,
    signedSession: session,
    forwarding,
    message: 'none',
    flipFromEnd: 0,
  };
}

const usualAlgorithms: Readonly<Record<KeyName, { flags: number; algorithm: string }>> = {
  ed: { flags: 0, algorithm: 'ssh-ed25519' },
  ecdsa: { flags: 0, algorithm: 'ecdsa-sha2-nistp256' },
  rsa: { flags: 4, algorithm: 'rsa-sha2-512' },
  sk: { flags: 0, algorithm: 'sk-ssh-ed25519@openssh.com' },
  dsa: { flags: 0, algorithm: 'ssh-dss' },
  absent: { flags: 0, algorithm: 'ssh-ed25519' },
};

export function loginOf(host: HostName, user: string, key: KeyName, isBound: boolean): Step[] {
  const sign: SignStep = {
    ...usualSign,
    ...usualAlgorithms[key],
    what: 'login',
    key,
    namedKey: key,
    session: 1,
    user,
    method: isBound ? hostboundMethod : 'publickey',
    hostKey: isBound ? host : null,
  };
  return [bindOf('machine', 0, 1), bindOf(host, 1, 0), sign];
}

export function commitOf(key: KeyName): Step[] {
  return [bindOf('machine', 0, 1), { ...usualSign, ...usualAlgorithms[key], what: 'commit', key }];
}

/** A change to a sequence; the numbers choose among what there is, modulo its count. */
export interface Mutation {
  how: 'set' | 'drop' | 'repeat' | 'swap' | 'insert';
  step: number;
  field: number;
  value: number;
}

export function mutate(steps: readonly Step[], { how, step, field, value }: Mutation): Step[] {
  const at = step % Math.max(steps.length, 1);
  const chosen = steps[at];
  const next = steps[at + 1];
  if (how === 'insert') return steps.toSpliced(at, 0, strangeStep(field, value));
  if (chosen === undefined) return [...steps];
  if (how === 'drop') return steps.toSpliced(at, 1);
  if (how === 'repeat') return steps.toSpliced(at, 0, chosen);
  if (how === 'swap') return next ? steps.toSpliced(at, 2, next, chosen) : [...steps];
  return steps.with(at, setField(chosen, field, value));
}

function strangeStep(field: number, value: number): Step {
  const host = hostNames[field % hostNames.length] ?? 'stranger';
  return bindOf(host, value % 3, Math.floor(value / 3) % 2);
}

function setField(step: Step, field: number, value: number): Step {
  const domain: Record<string, readonly unknown[]> = step.do === 'bind' ? bindDomain : signDomain;
  const [name, values] = Object.entries(domain)[1 + (field % (Object.keys(domain).length - 1))] ?? ['', []];
  return { ...step, [name]: values[value % values.length] };
}

export const hosts: Readonly<Record<HostName, FakeHost>> = {
  machine: makeHost('ssh-ed25519'),
  forge: makeHost('ecdsa-sha2-nistp256'),
  lab: makeHost('ssh-ed25519'),
  rack: makeHost('ssh-rsa'),
  stranger: makeHost('ssh-ed25519'),
  weak: makeHost('ssh-rsa', 1024),
};
export const keyBlobs: Readonly<Record<KeyName, Buffer>> = {
  ed: encodeStrings('ssh-ed25519', Buffer.alloc(32, 1)),
  ecdsa: encodeStrings('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(65, 2)),
  rsa: encodeStrings('ssh-rsa', Buffer.from([3]), Buffer.alloc(256, 3)),
  sk: encodeStrings('sk-ssh-ed25519@openssh.com', Buffer.alloc(32, 4), 'ssh:'),
  dsa: encodeStrings('ssh-dss', 'p', 'q', 'g', 'y'),
  absent: encodeStrings('ssh-ed25519', Buffer.alloc(32, 5)),
};

const sessionIds = [1, 2, 3].map((value) => Buffer.alloc(32, value));
const signatures = new Map<string, Buffer>();

function signSession(signer: HostName, session: number): Buffer {
  const name = `${signer} ${session}`;
  const signature = signatures.get(name) ?? hosts[signer].sign(sessionIds[session]!);
  signatures.set(name, signature);
  return signature;
}

function inflict(bytes: Buffer, damage: Damage): Buffer {
  if (damage === 'cut') return bytes.subarray(0, -1);
  return damage === 'longer' ? Buffer.concat([bytes, Buffer.from([0])]) : bytes;
}

/** The message that the step sends. */
export function encodeStep(step: Step): Buffer {
  const body = Buffer.from(
    inflict(step.do === 'bind' ? encodeBindStep(step) : encodeSignStep(step), step.message),
  );
  if (step.flipFromEnd > 0 && step.flipFromEnd <= body.length)
    body[body.length - step.flipFromEnd]! ^= step.do === 'sign' ? step.flipBits : 1;
  return body;
}

function encodeBindStep(step: BindStep): Buffer {
  return encodeBind({
    hostKey: hosts[step.host].blob,
    sessionId: sessionIds[step.session]!,
    signature: signSession(step.signer, step.signedSession),
    forwarding: step.forwarding,
  });
}

function encodeSignStep(step: SignStep): Buffer {
  const data =
    step.what === 'commit'
      ? encodeSshsig({ ...step, digest: Buffer.alloc(step.digestBytes, 9) })
      : encodeLogin({
          ...step,
          sessionId: sessionIds[step.session]!,
          keyBlob: keyBlobs[step.namedKey],
          hostKey: step.hostKey && hosts[step.hostKey].blob,
        });
  return encodeSignRequest(keyBlobs[step.key], inflict(data, step.data), step.flags);
}
