/**
 * The guard's decisions: what a connection has proved, which keys it may see, and what may be signed for it. Pure: whoever
 * calls keeps the connection's state, counts, asks the person and writes the log.
 * docs/guard.md says why the rules are what they are.
 */
import type {
  GuardDestination,
  GuardPolicy,
  GuardRequest,
  GuardVerdict,
  RefusalReason,
} from '../../domain/guard.ts';
import { fingerprintKey, readKeyType } from '../../lib/public-key.ts';
import { type Identity, type ParsedBind, parseSignRequest, type SignRequest } from './agent-messages.ts';
import { type LoginData, parseSignedData, type SshsigData } from './signed-data.ts';
import { verifyHostSignature } from './verify-signature.ts';

/** A session that the client belongs to, whose host has proved that it holds this key. */
export interface Bind {
  hostKey: Buffer;
  sessionId: Buffer;
  /** Whether the agent connection is forwarded through that session, rather than used to log in. */
  forwarding: boolean;
}

/** What one agent connection has said so far. */
export interface ConnectionState {
  /** The machine first, where the connection comes from; then where the next ssh goes to. */
  readonly binds: readonly Bind[];
  /** Why it has lost all trust, for good. */
  readonly poisoned: RefusalReason | null;
}

export interface ShownKey {
  blob: Buffer;
  /** `SHA256:…` */
  fingerprint: string;
  comment: string;
}

export interface SignContext {
  policy: GuardPolicy;
  /** The pinned host key of the machine, as a blob. */
  machineHostKey: Buffer;
  /** Those of the agent's keys that the machine may see. */
  keys: readonly ShownKey[];
  lease: 'running' | 'over' | 'revoked';
}

/** Either what is not allowed, or whether it must be confirmed. */
type Ruling = { refused: RefusalReason } | { refused: null; needsConfirmation: boolean };

const maxBinds = 4;

/**
 * The signatures of each type of key, by the flags of the request. The flags of RSA choose its hash, and 0 would be SHA-1.
 * Certificates are in no policy, so they are not here.
 */
const algorithms = new Map<string, Readonly<Record<number, string>>>([
  ['ssh-ed25519', { 0: 'ssh-ed25519' }],
  ['ecdsa-sha2-nistp256', { 0: 'ecdsa-sha2-nistp256' }],
  ['ecdsa-sha2-nistp384', { 0: 'ecdsa-sha2-nistp384' }],
  ['ecdsa-sha2-nistp521', { 0: 'ecdsa-sha2-nistp521' }],
  ['sk-ssh-ed25519@openssh.com', { 0: 'sk-ssh-ed25519@openssh.com' }],
  ['sk-ecdsa-sha2-nistp256@openssh.com', { 0: 'sk-ecdsa-sha2-nistp256@openssh.com' }],
  ['ssh-rsa', { 2: 'rsa-sha2-256', 4: 'rsa-sha2-512' }],
]);

export const newConnection: ConnectionState = { binds: [], poisoned: null };

/** Of a request that could not be understood, or is about no key. */
export const nothingKnown: GuardRequest = {
  kind: 'other',
  keyFingerprint: null,
  destination: null,
  hostFingerprint: null,
  hostKey: null,
  user: null,
};

export function toShownKey({ keyBlob, comment }: Identity): ShownKey {
  return { blob: keyBlob, fingerprint: fingerprintKey(keyBlob), comment };
}

/** Those keys that every list of the policy names, by fingerprint or by the whole comment, and that could sign at all. */
export function selectKeys(keys: readonly ShownKey[], policy: GuardPolicy): readonly ShownKey[] {
  return keys.filter(
    ({ blob, fingerprint, comment }) =>
      algorithms.has(readKeyType(blob)) &&
      policy.keys.every((names) => names.includes(fingerprint) || names.includes(comment)),
  );
}

/** Whether the connection may see keys. It need not have said where it wants to log in. */
export function mayList(state: ConnectionState, lease: SignContext['lease']): boolean {
  return lease === 'running' && state.poisoned === null && state.binds.length > 0;
}

/**
 * Takes a claim that the connection belongs to a session.
 * @param bind null: it could not be read
 * @returns the state from then on. After a refusal it is poisoned: ssh goes on when its claim was refused, and must not be
 *   taken for one that made none
 */
export function decideBind(
  state: ConnectionState,
  bind: ParsedBind | null,
  machineHostKey: Buffer,
): { state: ConnectionState; refused: RefusalReason | null } {
  if (state.poisoned !== null) return { state, refused: 'poisoned' };
  if (bind === null) return { state: { ...state, poisoned: 'malformed' }, refused: 'malformed' };
  const refused = judgeBind(state.binds, bind, machineHostKey);
  if (refused !== null) return { state: { ...state, poisoned: refused }, refused };
  const { hostKey, sessionId, forwarding } = bind;
  return { state: { ...state, binds: [...state.binds, { hostKey, sessionId, forwarding }] }, refused: null };
}

function judgeBind(
  binds: readonly Bind[],
  { hostKey, sessionId, signature, forwarding }: ParsedBind,
  machineHostKey: Buffer,
): RefusalReason | null {
  const last = binds.at(-1);
  if (last === undefined) {
    if (!forwarding || !hostKey.equals(machineHostKey)) return 'wrong-machine';
  } else if (!last.forwarding || binds.length >= maxBinds) {
    return 'unsupported';
  }
  // Each session has an id of its own: one that comes back is a claim to be two hosts, or two things of one.
  if (binds.some((earlier) => earlier.sessionId.equals(sessionId))) return 'false-proof';
  return verifyHostSignature(hostKey, sessionId, signature) ? null : 'false-proof';
}

/**
 * Decides about a sign request by everything but rate and the person's answer.
 * @param body the message, its type byte first
 * @returns with a refusal too, as much of what was asked as could be understood
 */
export function decideSign(state: ConnectionState, body: Buffer, context: SignContext): GuardVerdict {
  const asked = parseSignRequest(body);
  const data = asked && parseSignedData(asked.data);
  const request = describeRequest(state, asked, data, context);
  const ruling = ruleOnSign(state, asked, data, context);
  if (ruling.refused !== null) return { allowed: false, request, reason: ruling.refused };
  return { allowed: true, request, needsConfirmation: ruling.needsConfirmation };
}

function ruleOnSign(
  state: ConnectionState,
  asked: SignRequest | null,
  data: LoginData | SshsigData | null,
  context: SignContext,
): Ruling {
  if (context.lease === 'over') return { refused: 'lease-over' };
  if (context.lease === 'revoked') return { refused: 'revoked' };
  if (state.poisoned !== null) return { refused: 'poisoned' };
  if (state.binds.length === 0) return { refused: 'unbound' };
  if (asked === null || data === null) return { refused: 'malformed' };
  if (!context.keys.some(({ blob }) => blob.equals(asked.keyBlob))) return { refused: 'key' };
  const algorithm = findAlgorithm(asked);
  if (algorithm === null) return { refused: 'algorithm' };
  if (data.kind === 'sshsig') return ruleOnSshsig(state, data, context.policy);
  if (data.algorithm !== algorithm) return { refused: 'algorithm' };
  if (!data.keyBlob.equals(asked.keyBlob)) return { refused: 'malformed' };
  return ruleOnLogin(state, data, context);
}

/** The name of the signature that the agent would make; null when the guard knows of none. */
function findAlgorithm({ keyBlob, flags }: SignRequest): string | null {
  return algorithms.get(readKeyType(keyBlob))?.[flags] ?? null;
}

/** ssh-keygen runs on the machine itself, and goes nowhere from there. */
function ruleOnSshsig({ binds }: ConnectionState, { namespace }: SshsigData, policy: GuardPolicy): Ruling {
  if (binds.length !== 1) return { refused: 'wrong-machine' };
  if (namespace !== 'git') return { refused: 'namespace' };
  if (policy.commitSigning === 'off') return { refused: 'commit-signing' };
  return {
    refused: null,
    needsConfirmation: policy.commitSigning === 'confirm' || policy.confirm !== 'never',
  };
}

function ruleOnLogin(state: ConnectionState, login: LoginData, context: SignContext): Ruling {
  const [, target, further] = state.binds;
  // Another host asks, to which the machine has passed the agent on.
  if (further !== undefined || target?.forwarding) return { refused: 'wrong-machine' };
  const bound = findTarget(state, login);
  if (bound === null) return { refused: 'unbound' };
  if (login.hostKey !== null && !login.hostKey.equals(bound.hostKey)) return { refused: 'malformed' };
  const listed = findDestinations(bound.hostKey, context);
  if (listed.length === 0) return { refused: 'destination' };
  const forUser = listed.filter(({ users }) => users.includes(login.user));
  if (forUser.length === 0) return { refused: 'user' };
  if (login.hostKey === null && !forUser.some(({ plain }) => plain)) return { refused: 'plain' };
  return { refused: null, needsConfirmation: context.policy.confirm !== 'never' };
}

/** The session that the login is for, when the connection has proved that it belongs to it and goes no further. */
function findTarget({ binds }: ConnectionState, login: LoginData): Bind | null {
  const [, target, further] = binds;
  if (target === undefined || further !== undefined || target.forwarding) return null;
  return target.sessionId.equals(login.sessionId) ? target : null;
}

/** The machine's own key is never one of a destination: whoever has the machine has that key. */
function findDestinations(hostKey: Buffer, context: SignContext): readonly GuardDestination[] {
  if (hostKey.equals(context.machineHostKey)) return [];
  const line = writeKeyLine(hostKey);
  return context.policy.destinations.filter(({ hostKeys }) => hostKeys.includes(line));
}

function describeRequest(
  state: ConnectionState,
  asked: SignRequest | null,
  data: LoginData | SshsigData | null,
  context: SignContext,
): GuardRequest {
  const keyFingerprint = asked && fingerprintKey(asked.keyBlob);
  if (data === null) return { ...nothingKnown, keyFingerprint };
  if (data.kind === 'sshsig')
    return { ...nothingKnown, keyFingerprint, kind: data.namespace === 'git' ? 'commit' : 'other' };
  const { user } = data;
  const target = findTarget(state, data);
  if (target === null) return { ...nothingKnown, kind: 'login', keyFingerprint, user };
  const listed = findDestinations(target.hostKey, context);
  const named = listed.find(({ users }) => users.includes(user)) ?? listed[0];
  return {
    kind: 'login',
    keyFingerprint,
    destination: named?.name ?? null,
    hostFingerprint: fingerprintKey(target.hostKey),
    hostKey: writeKeyLine(target.hostKey),
    user,
  };
}

/** `type base64`, as the policy writes keys. */
function writeKeyLine(blob: Buffer): string {
  return `${readKeyType(blob)} ${blob.toString('base64')}`;
}
