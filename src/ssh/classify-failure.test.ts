import { describe, expect, it } from 'vitest';
import { SpuffError } from '../domain/errors.ts';
import { makeInstanceKey } from '../domain/ids.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { parsePublicKey } from '../lib/public-key.ts';
import { classifyFailure, makeFailure } from './classify-failure.ts';
import { makeHostKey } from './host-key.ts';

const injectedPublicKey = makeHostKey('one-time').publicKey;
const publicKey = makeHostKey('own').publicKey;
const target: SshTarget = {
  key: makeInstanceKey(1_700_000_000_000, new Uint8Array(10)),
  name: 'demo',
  host: '203.0.113.7',
  port: 22,
  user: 'dev',
  publicKeyPath: null,
  identity: { phase: 'pinned', injectedPublicKey, publicKey },
};

/** As OpenSSH 9.2 and 10.0 write them with LogLevel=ERROR. */
const messages: ReadonlyArray<readonly [string, string]> = [
  ['ssh: connect to host 203.0.113.7 port 22: Connection refused', 'connection'],
  ['ssh: connect to host 203.0.113.7 port 22: Connection timed out', 'connection'],
  ['ssh: connect to host 203.0.113.7 port 22: Operation timed out', 'connection'],
  ['ssh: connect to host 203.0.113.7 port 22: No route to host', 'connection'],
  ['ssh: connect to host 203.0.113.7 port 22: Network is unreachable', 'connection'],
  ['ssh: Could not resolve hostname vm.example: Name or service not known', 'connection'],
  ['kex_exchange_identification: Connection closed by remote host', 'connection'],
  ['kex_exchange_identification: read: Connection reset by peer', 'connection'],
  ['Connection closed by 203.0.113.7 port 22', 'connection'],
  ['Connection to 203.0.113.7 closed by remote host.', 'connection'],
  ['client_loop: send disconnect: Broken pipe', 'connection'],
  ['Timeout, server 203.0.113.7 not responding.', 'connection'],
  ['Control master terminated unexpectedly', 'connection'],
  ['dev@203.0.113.7: Permission denied (publickey).', 'auth'],
  ['Received disconnect from 203.0.113.7 port 22:2: Too many authentication failures', 'auth'],
  ['sign_and_send_pubkey: signing failed for ED25519 "k" from agent: agent refused operation', 'auth'],
  ['@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @', 'permission'],
  ['Unable to negotiate with 203.0.113.7 port 22: no matching cipher found. Their offer: x', 'unsupported'],
  [
    'Unable to negotiate with 203.0.113.7 port 22: no matching host key type found. Their offer: rsa',
    'host-identity',
  ],
  ['Host key verification failed.', 'host-identity'],
  ['No ED25519 host key is known for spuff-x and you have requested strict checking.', 'host-identity'],
  ['@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @', 'host-identity'],
  ['@       WARNING: REVOKED HOST KEY DETECTED!               @', 'host-identity'],
  ['/home/u/.ssh/config: line 3: Bad configuration option: foo', 'config'],
  ['Bad owner or permissions on /home/u/.ssh/config', 'config'],
];

describe('makeFailure', () => {
  it.each(messages)('%s is %s, with a remedy', (text, code) => {
    const failure = makeFailure(target, `${text}\n`);
    expect(failure).toBeInstanceOf(SpuffError);
    expect(failure.code).toBe(code);
    expect(failure.hints.length).toBeGreaterThan(0);
    expect(failure.message).not.toMatch(/undefined|null/);
  });

  it('names both fingerprints when the key is another one', () => {
    const other = parsePublicKey(makeHostKey('other').publicKey)?.fingerprint ?? '';
    const text = `The fingerprint for the ED25519 key sent by the remote host is\n${other}.\nHost key verification failed.`;
    const { message } = makeFailure(target, text);
    expect(message).toContain(other);
    expect(message).toContain(parsePublicKey(publicKey)?.fingerprint ?? '-');
  });

  it('lets no failure of the login hide that the key was revoked', () => {
    const text =
      'REVOKED HOST KEY DETECTED\nHost key verification failed.\nConnection closed\nPermission denied';
    const failure = makeFailure(target, text);
    expect(failure.code).toBe('host-identity');
    expect(failure.message).toContain('one-time boot key');
    expect(failure.hints.join()).toMatch(/cloud-init ran again.*rebuilt.*attack/s);
  });

  it('escapes what comes from the other end', () => {
    const failure = makeFailure(target, 'ssh: \u001b]0;owned\u0007 odd \u202e');
    expect(failure.message).toBe("can't reach demo: ssh said: ssh: \\x1b]0;owned\\x07 odd \\u202e");
    expect(String(failure.cause)).not.toContain('\u001b');
  });

  it('says so when ssh said nothing', () => {
    expect(makeFailure(target, '').message).toContain('without saying why');
  });
});

describe('classifyFailure', () => {
  it('knows nothing of what is no failure', () => {
    expect(classifyFailure('')).toBeNull();
    expect(classifyFailure('bind [127.0.0.1]:8080: Address already in use')).toBeNull();
  });
});
