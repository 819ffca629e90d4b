import { describe, expect, it } from 'vitest';
import {
  encodeLogin,
  encodeSshsig,
  hostboundMethod,
  type LoginFields,
  type SshsigFields,
} from '../../../test/fakes/agent-client.ts';
import { parseSignedData } from './signed-data.ts';

const sessionId = Buffer.alloc(32, 9);
const keyBlob = Buffer.from('key');
const login: LoginFields = { sessionId, user: 'git', algorithm: 'ssh-ed25519', keyBlob, hostKey: null };
const bound: LoginFields = { ...login, hostKey: Buffer.from('host key') };

function damage(data: Buffer): Buffer[] {
  const cuts = Array.from({ length: data.length }, (_, length) => data.subarray(0, length));
  return [...cuts, Buffer.concat([data, Buffer.from([0])])];
}

describe('a login', () => {
  it('is read in both its methods', () => {
    const common = { kind: 'login', sessionId, user: 'git', algorithm: 'ssh-ed25519', keyBlob };
    expect(parseSignedData(encodeLogin(login))).toEqual({ ...common, hostKey: null });
    expect(parseSignedData(encodeLogin(bound))).toEqual({ ...common, hostKey: Buffer.from('host key') });
  });

  it('is none when it is cut anywhere or a byte is left over', () => {
    for (const fields of [login, bound])
      for (const damaged of damage(encodeLogin(fields))) expect(parseSignedData(damaged)).toBeNull();
  });

  it.each<[string, Partial<LoginFields>]>([
    ['another message', { type: 51 }],
    ['another service', { service: 'ssh-userauth' }],
    ['another method', { method: 'hostbased' }],
    ['a host key for another method', { method: 'hostbased', hostKey: Buffer.from('host key') }],
    ['a method that begins like one', { method: 'publickey-hostbound-v01@openssh.com' }],
    ['a host key that its method has no place for', { method: 'publickey', hostKey: Buffer.from('x') }],
    ['no host key where its method has one', { method: hostboundMethod, hostKey: null }],
    ['a question whether the key would do', { signed: 0 }],
    ['a boolean that is none', { signed: 2 }],
    ['a user that is no UTF-8', { user: Buffer.from([0x67, 0xff]) }],
    ['a user of 256 bytes', { user: 'x'.repeat(256) }],
  ])('is none with %s', (_, change) => {
    expect(parseSignedData(encodeLogin({ ...login, ...change }))).toBeNull();
  });

  it('may have a user of 255 bytes', () => {
    expect(parseSignedData(encodeLogin({ ...login, user: 'x'.repeat(255) }))).not.toBeNull();
  });
});

describe('a signature over a commit', () => {
  it('is read with its namespace', () => {
    expect(parseSignedData(encodeSshsig({ namespace: 'git' }))).toEqual({ kind: 'sshsig', namespace: 'git' });
    const sha256 = encodeSshsig({ namespace: 'file', hash: 'sha256', digest: Buffer.alloc(32) });
    expect(parseSignedData(sha256)).toEqual({ kind: 'sshsig', namespace: 'file' });
  });

  it('is none when it is cut anywhere or a byte is left over', () => {
    for (const damaged of damage(encodeSshsig({ namespace: 'git' })))
      expect(parseSignedData(damaged)).toBeNull();
  });

  it.each<[string, Partial<SshsigFields>]>([
    ['something in the field that is reserved', { reserved: 'x' }],
    ['another hash', { hash: 'sha384', digest: Buffer.alloc(48) }],
    ['no hash and no digest', { hash: '', digest: Buffer.alloc(0) }],
    ['the digest of another hash', { hash: 'sha256', digest: Buffer.alloc(64) }],
    ['no digest', { digest: Buffer.alloc(0) }],
    ['a name that is too long', { namespace: 'x'.repeat(256) }],
  ])('is none with %s', (_, change) => {
    expect(parseSignedData(encodeSshsig({ namespace: 'git', ...change }))).toBeNull();
  });

  it('is none with another magic', () => {
    const data = encodeSshsig({ namespace: 'git' });
    data.write('SSHSIH', 0, 'latin1');
    expect(parseSignedData(data)).toBeNull();
  });
});
