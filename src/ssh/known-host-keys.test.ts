import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeHostKey } from './host-key.ts';
import { findKnownHostKeys } from './known-host-keys.ts';

const key = () => makeHostKey('test').publicKey.split(' ', 2).join(' ');
const [plain, ported, hashed, revoked, authority, second] = Array.from({ length: 6 }, key);

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-known-'));
  const file = join(home, '.ssh', 'known_hosts');
  mkdirSync(join(home, '.ssh'));
  writeFileSync(file, `hashed.example.com ${hashed}\n`);
  execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
  const lines = [
    '# git.example.com ssh-ed25519 AAAA',
    `git.example.com,192.0.2.1 ${plain} a comment`,
    `git.example.com ${revoked}`,
    `@revoked git.example.com ${revoked}`,
    `@cert-authority git.example.com ${authority}`,
    `[git.example.com]:2222 ${ported}`,
    'git.example.com ssh-dss AAAAB3NzaC1kc3M=',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { flag: 'a' });
  writeFileSync(join(home, '.ssh', 'known_hosts2'), `git.example.com ${second}\ngit.example.com ${plain}\n`);
});
afterAll(() => rmSync(home, { recursive: true }));

describe('findKnownHostKeys', () => {
  it.each([
    ['a name, without revoked keys, authorities and weak keys', 'git.example.com', [plain, second]],
    ['another port', '[git.example.com]:2222', [ported]],
    ['a hashed name', 'hashed.example.com', [hashed]],
    ['a name that nobody knows', 'other.example.com', []],
  ])('finds the keys of %s', async (_name, host, expected) => {
    expect(await findKnownHostKeys(home, host)).toEqual(expected);
  });

  it('finds none where there is no file', async () => {
    expect(await findKnownHostKeys(join(home, 'nobody'), 'git.example.com')).toEqual([]);
  });
});
