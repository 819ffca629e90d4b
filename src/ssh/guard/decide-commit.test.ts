import { describe, expect, it } from 'vitest';
import {
  allowed,
  askCommit,
  bind,
  connect,
  context,
  ed,
  fromMachine,
  lab,
  machine,
  refused,
  rsa,
  toForge,
  withPolicy,
} from '../../../test/fakes/guard-scene.ts';
import { newConnection } from './decide.ts';

describe('a commit', () => {
  it.each([
    ['allow', 'never', false],
    ['allow', 'first-use', true],
    ['allow', 'always', true],
    ['confirm', 'never', true],
    ['confirm', 'always', true],
  ] as const)(
    'is signed with commitSigning: %s and confirm: %s, with a confirmation: %s',
    (commitSigning, confirm, isNeeded) => {
      expect(askCommit({}, { context: withPolicy({ commitSigning, confirm }) })).toEqual(allowed(isNeeded));
    },
  );

  it('is described by its key', () => {
    expect(askCommit().request).toEqual({
      kind: 'commit',
      keyFingerprint: ed.fingerprint,
      destination: null,
      hostFingerprint: null,
      hostKey: null,
      user: null,
    });
    expect(askCommit({ namespace: 'file' }).request).toMatchObject({ kind: 'other' });
  });

  it('is refused unless the policy says otherwise', () => {
    expect(askCommit({}, { context })).toEqual(refused('commit-signing'));
  });

  it('is refused in any other namespace', () => {
    for (const namespace of ['file', '', 'Git', 'git\0', 'git '])
      expect(askCommit({ namespace })).toEqual(refused('namespace'));
  });

  it('is signed for a client on the machine itself, and nowhere else', () => {
    expect(askCommit({}, { state: newConnection })).toEqual(refused('unbound'));
    expect(askCommit({}, { state: toForge })).toEqual(refused('wrong-machine'));
    const passedOn = connect(bind(machine, 'a', true), bind(lab, 'b', true));
    expect(askCommit({}, { state: passedOn })).toEqual(refused('wrong-machine'));
  });

  it('is signed with RSA and SHA-2, and not with SHA-1', () => {
    for (const flags of [2, 4]) expect(askCommit({}, { keyBlob: rsa.blob, flags })).toEqual(allowed());
    for (const flags of [0, 1, 6])
      expect(askCommit({}, { keyBlob: rsa.blob, flags })).toEqual(refused('algorithm'));
    expect(askCommit({}, { flags: 2 })).toEqual(refused('algorithm'));
  });

  it('is refused after the lease, after a false proof, and with a hidden key', () => {
    const allow = withPolicy({ commitSigning: 'allow' });
    expect(askCommit({}, { context: { ...allow, lease: 'over' } })).toEqual(refused('lease-over'));
    expect(askCommit({}, { state: { ...fromMachine, poisoned: 'malformed' } })).toEqual(refused('poisoned'));
    expect(askCommit({}, { context: { ...allow, keys: [rsa] } })).toEqual(refused('key'));
  });
});
