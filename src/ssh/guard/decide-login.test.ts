import { describe, expect, it } from 'vitest';
import { encodeLogin, encodeSignRequest } from '../../../test/fakes/agent-client.ts';
import {
  allowed,
  askLogin,
  bind,
  connect,
  context,
  ed,
  forge,
  fromMachine,
  key,
  lab,
  labLogin,
  line,
  machine,
  plainLogin,
  policy,
  refused,
  rsa,
  session,
  stranger,
  toForge,
  toLab,
  withPolicy,
} from '../../../test/fakes/guard-scene.ts';
import { encodeStrings } from '../../../test/fakes/ssh-hosts.ts';
import { fingerprintKey } from '../../lib/public-key.ts';
import { decideSign, newConnection, type SignContext, toShownKey } from './decide.ts';

describe('a login', () => {
  it('is allowed on a listed host as a listed user', () => {
    expect(askLogin(plainLogin)).toEqual(allowed());
    expect(askLogin(labLogin, { state: toLab })).toEqual(allowed());
    expect(askLogin({ ...labLogin, user: 'git' }, { state: toLab })).toEqual(allowed());
  });

  it('is described by all that is known', () => {
    expect(askLogin(labLogin, { state: toLab }).request).toEqual({
      kind: 'login',
      keyFingerprint: ed.fingerprint,
      destination: 'lab.example',
      hostFingerprint: fingerprintKey(lab.blob),
      hostKey: line(lab),
      user: 'dev',
    });
    expect(askLogin(plainLogin, { state: fromMachine }).request).toEqual({
      kind: 'login',
      keyFingerprint: ed.fingerprint,
      destination: null,
      hostFingerprint: null,
      hostKey: null,
      user: 'git',
    });
    const toStranger = connect(bind(machine, 'a', true), bind(stranger, 'b', false));
    expect(askLogin(plainLogin, { state: toStranger }).request).toMatchObject({
      destination: null,
      hostFingerprint: fingerprintKey(stranger.blob),
      hostKey: line(stranger),
    });
    expect(askLogin({ ...plainLogin, user: 'root' }).request).toMatchObject({
      destination: 'forge.example',
      user: 'root',
    });
  });

  it.each([
    ['never', false],
    ['first-use', true],
    ['always', true],
  ] as const)('with confirm: %s needs a confirmation: %s', (confirm, isNeeded) => {
    expect(askLogin(plainLogin, { context: withPolicy({ confirm, commitSigning: 'confirm' }) })).toEqual(
      allowed(isNeeded),
    );
  });

  it('is refused when the lease has ended, whatever else is wrong', () => {
    expect(askLogin(plainLogin, { context: { ...context, lease: 'over' } })).toEqual(refused('lease-over'));
    const revoked: SignContext = { ...context, lease: 'revoked', keys: [] };
    expect(askLogin(plainLogin, { context: revoked, state: newConnection })).toEqual(refused('revoked'));
  });

  it('is refused after a false proof', () => {
    for (const poisoned of ['false-proof', 'malformed'] as const)
      expect(askLogin(plainLogin, { state: { ...toForge, poisoned } })).toEqual(refused('poisoned'));
  });

  it('is refused where the client did not say which host it is for', () => {
    expect(askLogin(plainLogin, { state: newConnection })).toEqual(refused('unbound'));
    expect(askLogin(plainLogin, { state: fromMachine })).toEqual(refused('unbound'));
    expect(askLogin({ ...plainLogin, sessionId: session('a') }, { state: fromMachine })).toEqual(
      refused('unbound'),
    );
  });

  it('is refused for another session than the last', () => {
    expect(askLogin({ ...plainLogin, sessionId: session('a') })).toEqual(refused('unbound'));
    expect(askLogin({ ...plainLogin, sessionId: session('c') })).toEqual(refused('unbound'));
    expect(askLogin({ ...plainLogin, sessionId: session('b').subarray(1) })).toEqual(refused('unbound'));
  });

  it('is refused when the machine has passed the agent on to another', () => {
    const passedOn = bind(forge, 'b', true);
    const further = connect(bind(machine, 'a', true), passedOn);
    expect(askLogin(plainLogin, { state: further })).toEqual(refused('wrong-machine'));
    expect(askLogin(plainLogin, { state: further }).request).toMatchObject({ hostKey: null });
    const three = connect(bind(machine, 'a', true), passedOn, bind(forge, 'c', false));
    for (const name of ['b', 'c']) {
      const verdict = askLogin({ ...plainLogin, sessionId: session(name) }, { state: three });
      expect(verdict).toEqual(refused('wrong-machine'));
      expect(verdict.request).toMatchObject({ hostKey: null, destination: null });
    }
  });

  it('is refused with more binds than there can be, and for none of them', () => {
    const [first, second] = toForge.binds;
    const state = { ...toForge, binds: [first!, second!, { ...second!, hostKey: stranger.blob }] };
    const verdict = askLogin(plainLogin, { state });
    expect(verdict).toEqual(refused('wrong-machine'));
    expect(verdict.request).toMatchObject({ hostKey: null, destination: null });
  });

  it('is refused with a key that is not shown', () => {
    const hidden = key('ssh-ed25519-hidden').blob;
    expect(askLogin({ ...plainLogin, keyBlob: hidden })).toEqual(refused('key'));
    expect(askLogin(plainLogin, { context: { ...context, keys: [rsa] } })).toEqual(refused('key'));
    expect(askLogin({ ...plainLogin, keyBlob: hidden }).request.keyFingerprint).toBe(fingerprintKey(hidden));
  });

  it('is refused when it names another key than the one that is to sign', () => {
    const other = toShownKey({ keyBlob: encodeStrings('ssh-ed25519', 'other'), comment: '' });
    const two = { ...context, keys: [ed, other] };
    expect(askLogin(plainLogin, { keyBlob: other.blob, context: two })).toEqual(refused('malformed'));
    expect(askLogin(plainLogin, { keyBlob: ed.blob, context: two })).toEqual(allowed());
  });

  it.each([[forge.blob.subarray(1)], [lab.blob], [Buffer.alloc(0)]])(
    'is refused when it names another host key than the bound one (%#)',
    (hostKey) => {
      expect(askLogin({ ...plainLogin, hostKey })).toEqual(refused('malformed'));
      expect(askLogin({ ...plainLogin, hostKey: forge.blob })).toEqual(allowed());
    },
  );

  it('is refused where it is bound to no host, but on hosts that offer nothing better', () => {
    expect(askLogin({ ...labLogin, hostKey: null }, { state: toLab })).toEqual(refused('plain'));
  });

  it('is refused on a host that is not listed', () => {
    const state = connect(bind(machine, 'a', true), bind(stranger, 'b', false));
    expect(askLogin(plainLogin, { state })).toEqual(refused('destination'));
    expect(askLogin(plainLogin, { context: withPolicy({ destinations: [] }) })).toEqual(
      refused('destination'),
    );
  });

  it('is refused as another user', () => {
    for (const user of ['root', 'Git', 'git ', '', 'dev'])
      expect(askLogin({ ...plainLogin, user })).toEqual(refused('user'));
    expect(askLogin({ ...labLogin, user: 'root' }, { state: toLab })).toEqual(refused('user'));
  });

  it('is refused on the machine itself, even where it is listed', () => {
    const own = { name: 'self.example', users: ['git'], hostKeys: [line(machine)], plain: true };
    const state = connect(bind(machine, 'a', true), bind(machine, 'b', false));
    const listing = withPolicy({ destinations: [own, ...policy.destinations] });
    for (const hostKey of [null, machine.blob]) {
      const verdict = askLogin({ ...plainLogin, hostKey }, { state, context: listing });
      expect(verdict).toEqual(refused('destination'));
      expect(verdict.request).toMatchObject({ destination: null, hostKey: line(machine) });
    }
  });

  it('is judged by one entry alone, where several have the same host key', () => {
    const entry = (name: string, user: string, plain: boolean) => ({
      name,
      users: [user],
      hostKeys: [line(forge)],
      plain,
    });
    const two = withPolicy({ destinations: [entry('strict', 'dev', false), entry('forge', 'git', true)] });
    expect(askLogin(plainLogin, { context: two })).toEqual(allowed());
    expect(askLogin(plainLogin, { context: two }).request.destination).toBe('forge');
    expect(askLogin({ ...plainLogin, user: 'dev' }, { context: two })).toEqual(refused('plain'));
    expect(askLogin({ ...plainLogin, user: 'root' }, { context: two }).request.destination).toBe('strict');
    const both = withPolicy({ destinations: [entry('strict', 'git', false), entry('forge', 'git', true)] });
    expect(askLogin(plainLogin, { context: both })).toEqual(allowed());
  });

  it.each([
    ['a request cut short', (body: Buffer) => body.subarray(0, -1)],
    ['a byte left over', (body: Buffer) => Buffer.concat([body, Buffer.from([0])])],
  ])('is refused with %s', (_, change) => {
    const body = encodeSignRequest(ed.blob, encodeLogin(plainLogin), 0);
    expect(decideSign(toForge, change(body), context)).toEqual({
      allowed: false,
      reason: 'malformed',
      request: {
        kind: 'other',
        keyFingerprint: null,
        destination: null,
        hostFingerprint: null,
        hostKey: null,
        user: null,
      },
    });
  });

  it('is refused when anything else is to be signed', () => {
    for (const data of ['', 'anything at all', Buffer.concat([encodeLogin(plainLogin), Buffer.from([0])])]) {
      const verdict = decideSign(toForge, encodeSignRequest(ed.blob, Buffer.from(data), 0), context);
      expect(verdict).toEqual(refused('malformed'));
      expect(verdict.request).toMatchObject({ kind: 'other', keyFingerprint: ed.fingerprint });
    }
  });
});

describe('the algorithm of a login', () => {
  const accepted: [string, number, string][] = [
    ['ssh-ed25519', 0, 'ssh-ed25519'],
    ['ecdsa-sha2-nistp256', 0, 'ecdsa-sha2-nistp256'],
    ['ecdsa-sha2-nistp384', 0, 'ecdsa-sha2-nistp384'],
    ['ecdsa-sha2-nistp521', 0, 'ecdsa-sha2-nistp521'],
    ['sk-ssh-ed25519@openssh.com', 0, 'sk-ssh-ed25519@openssh.com'],
    ['sk-ecdsa-sha2-nistp256@openssh.com', 0, 'sk-ecdsa-sha2-nistp256@openssh.com'],
    ['ssh-rsa', 2, 'rsa-sha2-256'],
    ['ssh-rsa', 4, 'rsa-sha2-512'],
  ];
  const types = [
    ...new Set(accepted.map(([type]) => type)),
    'ssh-dss',
    'ssh-rsa-cert-v01@openssh.com',
    'toString',
  ];
  const names = [...new Set(accepted.map(([, , name]) => name)), 'ssh-rsa', 'ssh-dss', ''];

  it.each(types)('%s: fits the key and the flags', (type) => {
    const shown = key(type);
    for (const flags of [0, 1, 2, 3, 4, 5, 6, 8, 0x80000000, 0xffffffff])
      for (const algorithm of names) {
        const verdict = askLogin(
          { ...plainLogin, algorithm, keyBlob: shown.blob },
          { flags, context: { ...context, keys: [shown] } },
        );
        const isGood = accepted.some(
          ([goodType, goodFlags, name]) => type === goodType && flags === goodFlags && algorithm === name,
        );
        expect(verdict, `${flags} ${algorithm}`).toEqual(isGood ? allowed() : refused('algorithm'));
      }
  });
});
