/** A machine, hosts that it may log in to, a policy, and a client that asks for signatures. */
import { expect } from 'vitest';
import type { GuardPolicy, GuardVerdict } from '../../src/domain/guard.ts';
import type { ParsedBind } from '../../src/ssh/guard/agent-messages.ts';
import {
  type ConnectionState,
  decideBind,
  decideSign,
  newConnection,
  type SignContext,
  toShownKey,
} from '../../src/ssh/guard/decide.ts';
import {
  encodeLogin,
  encodeSignRequest,
  encodeSshsig,
  type LoginFields,
  type SshsigFields,
} from './agent-client.ts';
import { encodeStrings, makeHost } from './ssh-hosts.ts';

export const machine = makeHost('ssh-ed25519');
export const forge = makeHost('ecdsa-sha2-nistp256');
export const lab = makeHost('ssh-ed25519');
export const stranger = makeHost('ssh-ed25519');
type Host = typeof machine;

export const line = ({ type, blob }: Host) => `${type} ${blob.toString('base64')}`;
export const session = (name: string) => Buffer.alloc(32, name);
export const key = (type: string) =>
  toShownKey({ keyBlob: encodeStrings(type, 'mine'), comment: `my ${type}` });
export const ed = key('ssh-ed25519');
export const rsa = key('ssh-rsa');

export const policy: GuardPolicy = {
  keys: [],
  destinations: [
    { name: 'forge.example', users: ['git'], hostKeys: [line(forge)], plain: true },
    { name: 'lab.example', users: ['dev', 'git'], hostKeys: ['ssh-rsa AAAA', line(lab)], plain: false },
  ],
  confirm: 'never',
  confirmTimeoutMs: 30_000,
  leaseMs: 3_600_000,
  rate: { perMinute: 30, burst: 10 },
  commitSigning: 'off',
};
export const context: SignContext = {
  policy,
  machineHostKey: machine.blob,
  keys: [ed, rsa],
  lease: 'running',
};
export const withPolicy = (change: Partial<GuardPolicy>): SignContext => ({
  ...context,
  policy: { ...policy, ...change },
});

export function bind(
  host: Host,
  sessionName: string,
  forwarding: boolean,
  change: Partial<ParsedBind> = {},
): ParsedBind {
  const sessionId = session(sessionName);
  return { hostKey: host.blob, sessionId, signature: host.sign(sessionId), forwarding, ...change };
}

/** The state after binds that are all accepted. */
export function connect(...binds: ParsedBind[]): ConnectionState {
  return binds.reduce((state, one) => {
    const next = decideBind(state, one, machine.blob);
    expect(next.refused).toBeNull();
    return next.state;
  }, newConnection);
}

export const fromMachine = connect(bind(machine, 'a', true));
export const toForge = connect(bind(machine, 'a', true), bind(forge, 'b', false));
export const toLab = connect(bind(machine, 'a', true), bind(lab, 'b', false));

export const plainLogin: LoginFields = {
  sessionId: session('b'),
  user: 'git',
  algorithm: 'ssh-ed25519',
  keyBlob: ed.blob,
  hostKey: null,
};
export const labLogin: LoginFields = { ...plainLogin, user: 'dev', hostKey: lab.blob };

interface Asked {
  state?: ConnectionState;
  flags?: number;
  keyBlob?: Buffer;
  context?: SignContext;
}

export function askLogin(fields: LoginFields, asked: Asked = {}): GuardVerdict {
  const body = encodeSignRequest(asked.keyBlob ?? fields.keyBlob, encodeLogin(fields), asked.flags ?? 0);
  return decideSign(asked.state ?? toForge, body, asked.context ?? context);
}

export function askCommit(fields: Partial<SshsigFields> = {}, asked: Asked = {}): GuardVerdict {
  const data = encodeSshsig({ namespace: 'git', ...fields });
  const body = encodeSignRequest(asked.keyBlob ?? ed.blob, data, asked.flags ?? 0);
  return decideSign(
    asked.state ?? fromMachine,
    body,
    asked.context ?? withPolicy({ commitSigning: 'allow' }),
  );
}

export const allowed = (needsConfirmation = false) =>
  expect.objectContaining({ allowed: true, needsConfirmation });
export const refused = (reason: string) => expect.objectContaining({ allowed: false, reason });
