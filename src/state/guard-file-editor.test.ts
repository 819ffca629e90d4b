import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forgeNames } from '../domain/forge-keys.ts';
import { makeHostKey } from '../ssh/host-key.ts';
import { openGuardFile } from './guard-file-editor.ts';
import { readGuardPolicy } from './guard-files.ts';

const keyLine = () => makeHostKey('test').publicKey.split(' ', 2).join(' ');
const [keyA, keyB] = [keyLine(), keyLine()];

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-guard-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const path = () => join(home, 'guard.yaml');
const put = (text: string) => writeFileSync(path(), text, { mode: 0o600 });
const content = () => readFileSync(path(), 'utf8');
const read = () => readGuardPolicy({ home, directory: home });

const whole = `# mine
forges: [github.com, gitlab.com]
hosts:
  # the company's
  - host: Git.Example.com
    users: [git, deploy]
    host_keys:
      - ${keyA} a comment
  - { host: "[old.example.com]:2222", host_keys: [${keyB}] }
commit_signing: confirm
`;

describe('changes to the policy', () => {
  it('make the file, 0600, and take turns under its lock', async () => {
    const file = await openGuardFile(home);
    file.allowHost('git.example.com', ['git'], [keyA]);
    expect(content()).toBe(
      `hosts:\n  - host: git.example.com\n    users:\n      - git\n    host_keys:\n      - ${keyA}\n`,
    );
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect((await read()).destinations.at(-1)).toMatchObject({ name: 'git.example.com', hostKeys: [keyA] });
  });

  it('keep comments, order, and what is there', async () => {
    put(whole);
    const file = await openGuardFile(home);
    file.allowHost('git.example.com', ['git', 'alice'], [keyA, keyLine()]);
    file.allowHost('new.example.com', ['git'], [keyLine()]);
    expect(file.allowForge('github.com')).toBe(false);
    expect(file.allowForge('codeberg.org')).toBe(true);
    file.setCommitSigning('off');
    const text = content();
    expect(text).toMatch(/^# mine\n/);
    expect(text).toContain("# the company's");
    expect(text).toContain(`${keyA} a comment`);
    expect(text.match(/alice/g)).toHaveLength(1);
    const { destinations, commitSigning } = await read();
    expect(commitSigning).toBe('off');
    expect(destinations.map(({ name, users, hostKeys }) => [name, users.length, hostKeys.length])).toEqual([
      ['github.com', 1, 3],
      ['gitlab.com', 1, 3],
      ['codeberg.org', 1, 3],
      ['git.example.com', 3, 2],
      ['[old.example.com]:2222', 1, 1],
      ['new.example.com', 1, 1],
    ]);
    expect(file.removeHost('git.example.com')).toBe(true);
    expect(file.removeHost('git.example.com')).toBe(false);
    expect(file.removeHost('gitlab.com')).toBe(true);
    expect((await read()).destinations.map(({ name }) => name)).toEqual([
      'github.com',
      'codeberg.org',
      '[old.example.com]:2222',
      'new.example.com',
    ]);
  });

  it('narrow the forges when one of them is taken out, and bring it back', async () => {
    const file = await openGuardFile(home);
    expect(file.removeHost('github.com')).toBe(true);
    expect(content()).toBe('forges: [ gitlab.com, bitbucket.org, codeberg.org, git.sr.ht ]\n');
    expect(file.removeHost('github.com')).toBe(false);
    for (const name of forgeNames) file.removeHost(name);
    expect((await read()).destinations).toEqual([]);
    expect(file.allowForge('github.com')).toBe(true);
    expect((await read()).destinations.map(({ name }) => name)).toEqual(['github.com']);
  });

  it('keep the default user when another is added', async () => {
    put(`hosts: [{host: a.example.com, host_keys: [${keyA}]}]\n`);
    (await openGuardFile(home)).allowHost('a.example.com', ['alice'], []);
    expect((await read()).destinations.at(-1)?.users).toEqual(['git', 'alice']);
  });

  it('write nothing when the file is wrong before or after', async () => {
    put('rates: 1\n');
    const file = await openGuardFile(home);
    expect(() => file.setCommitSigning('allow')).toThrow(/there is no setting/);
    expect(content()).toBe('rates: 1\n');
    put(whole);
    expect(() => file.allowHost('c.example.com', ['git'], [keyA])).toThrow(
      /has the host key of git.example.com/,
    );
    expect(content()).toBe(whole);
  });
});
