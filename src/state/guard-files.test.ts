import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpuffError } from '../domain/errors.ts';
import { forgeNames, forges } from '../domain/forge-keys.ts';
import { makeHostKey } from '../ssh/host-key.ts';
import { readGuardPolicy } from './guard-files.ts';
import { findProjectFile } from './project-files.ts';

const keyLine = () => makeHostKey('test').publicKey.split(' ', 2).join(' ');
const [keyA, keyB] = [keyLine(), keyLine()];
const fingerprint = `SHA256:${'a'.repeat(43)}`;

let root: string;
let home: string;
let project: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spuff-guard-'));
  home = join(root, 'home');
  project = join(root, 'work', 'app');
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(join(project, 'src'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const path = () => join(home, 'guard.yaml');
const put = (text: string) => writeFileSync(path(), text, { mode: 0o600 });
const read = (directory = project) => readGuardPolicy({ home, directory });
const failure = async (text: string): Promise<SpuffError> => {
  put(text);
  const error = await read().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SpuffError);
  return error as SpuffError;
};

const whole = `# mine
keys: [${fingerprint}, "work@laptop"]
forges: [github.com, gitlab.com]
hosts:
  # the company's
  - host: Git.Example.com
    users: [git, deploy]
    host_keys:
      - ${keyA} a comment
  - { host: "[old.example.com]:2222", host_keys: [${keyB}] }
confirm: first-use
confirm_timeout: 20s
lease: 1h
rate: 12
commit_signing: confirm
`;

describe('the policy of the user', () => {
  it('is the default without a file, and nothing is made', async () => {
    const policy = await read();
    expect(policy.destinations.map(({ name }) => name)).toEqual(forgeNames);
    expect(existsSync(path())).toBe(false);
    for (const text of ['', '# nothing\n', '---\n']) {
      put(text);
      expect(await read()).toEqual(policy);
    }
  });

  it('is read whole', async () => {
    put(whole);
    expect(await read()).toMatchObject({
      keys: [[fingerprint, 'work@laptop']],
      destinations: [
        { name: 'github.com', plain: true },
        { name: 'gitlab.com' },
        { name: 'git.example.com', users: ['git', 'deploy'], hostKeys: [keyA], plain: false },
        { name: '[old.example.com]:2222', users: ['git'], hostKeys: [keyB], plain: false },
      ],
      confirm: 'first-use',
      confirmTimeoutMs: 20_000,
      leaseMs: 3_600_000,
      rate: { perMinute: 12, burst: 4 },
      commitSigning: 'confirm',
    });
  });

  it('is closed to others, and refused when it is a link', async () => {
    put(whole);
    chmodSync(path(), 0o644);
    await read();
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    rmSync(path());
    symlinkSync(join(root, 'elsewhere'), path());
    await expect(read()).rejects.toMatchObject({ code: 'permission' });
  });

  const github = forges[0]!.keys[0]!.line;
  it.each([
    [
      'an unknown key',
      'key: [a]\n',
      /guard\.yaml:1:1: there is no setting of the guard "key"/,
      'did you mean keys?',
    ],
    ['a wrong type', 'confirm: never\nkeys: a\n', /:2:7: keys: expected a list/, null],
    ['nothing for a list', 'forges:\n', /:1:8: forges: expected a list/, null],
    ['a short fingerprint', 'keys: [SHA256:abc]\n', /:1:8: keys: "SHA256:abc" is not a fingerprint/, null],
    [
      'a fingerprint of another kind',
      `keys:\n  - ${'ab:'.repeat(15)}ab\n`,
      /:2:5: keys: .* is not a fingerprint/,
      null,
    ],
    [
      'an unknown forge',
      'forges: [githup.com]\n',
      /:1:10: forges: there is no built-in forge/,
      'did you mean github.com?',
    ],
    [
      'a wrong choice',
      'confirm: first\n',
      /:1:10: confirm: "first" is not one of never, first-use, always/,
      null,
    ],
    ['a long lease', 'lease: 9h\n', /:1:8: lease: "9h" is not a length of time.*at most 8h/, null],
    ['no lease', 'lease: off\n', /:1:8: lease: "off" is not a length/, null],
    ['a rate of none', 'rate: 0\n', /:1:7: rate: "0" is not a whole number/, null],
    ['a rate that is no number', 'rate: [1]\n', /:1:7: rate: this is not a whole number/, null],
    [
      'a truth value',
      'commit_signing: true\n',
      /:1:17: commit_signing: "true" is not one of allow, confirm, off/,
      null,
    ],
    [
      'a host without keys',
      'hosts:\n  - host: git.example.com\n',
      /:2:5: hosts: git.example.com has no host_keys/,
      'add them: spuff guard allow git.example.com',
    ],
    ['a host without a name', `hosts:\n  - host_keys: [${keyA}]\n`, /:2:5: hosts: host is missing/, null],
    [
      'a misspelt key of a host',
      `hosts:\n  - host: a.example.com\n    user: [git]\n    host_keys: [${keyA}]\n`,
      /:3:5: there is no setting of a host "user"/,
      'did you mean users?',
    ],
    [
      'a host key that is none',
      'hosts:\n  - host: a.example.com\n    host_keys: [ssh-ed25519 AAAA]\n',
      /:3:17: host_keys: .* is not a host key/,
      null,
    ],
    [
      'a built-in host',
      `hosts:\n  - host: github.com\n    host_keys: [${keyA}]\n`,
      /:2:11: hosts: github.com is built in/,
      'choose among the built-in ones with forges',
    ],
    [
      'the key of a forge',
      `hosts:\n  - host: a.example.com\n    host_keys: [${github}]\n`,
      /:2:5: hosts: "a.example.com" has the host key of github.com/,
      null,
    ],
    [
      'one key for two hosts',
      `hosts:\n  - {host: a.example.com, host_keys: [${keyA}]}\n  - {host: b.example.com, host_keys: [${keyA}]}\n`,
      /:3:5: hosts: "b.example.com" has the host key of a.example.com/,
      null,
    ],
    [
      'a host twice',
      `hosts:\n  - {host: a.example.com, host_keys: [${keyA}]}\n  - {host: A.example.com, host_keys: [${keyB}]}\n`,
      /:3:5: hosts: "a.example.com" stands twice/,
      null,
    ],
    ['a list', '- a\n', /:1:1: expected settings of the guard/, null],
    ['no YAML', 'keys: [\n', /guard\.yaml:\d+:\d+: /, null],
    ['a key twice', 'rate: 1\nrate: 2\n', /:2:1: Map keys must be unique/, null],
    ['control characters', 'confirm: "\\e[31m"\n', /confirm: "\\\\x1b\[31m" is not/, null],
    [
      'a token',
      '# ghp_abcdefghijklmnopqrstuvwxyz0123456789AB\n',
      /guard\.yaml:1:3: this looks like a GitHub token/,
      null,
    ],
  ])('refuses %s', async (_name, text, message, hint) => {
    const error = await failure(text);
    expect(error.code).toBe('config');
    expect(error.message).toMatch(message);
    if (hint !== null) expect(error.hints).toContain(hint);
    if (!error.message.includes('looks like'))
      expect(error.hints).toContain(`mend it in an editor: ${path()}`);
  });

  it('names everything that is wrong, from the top', async () => {
    const error = await failure('rate: x\nlease: y\nconfirm: z\n');
    expect(error.message.split('\n').map((line) => line.replace(/^.*yaml:/, '').split(': ')[0])).toEqual([
      '1:7',
      '2:8',
      '3:10',
    ]);
  });

  it('never ends otherwise than with a policy or a clear error', async () => {
    const words = fc.constantFrom(
      'keys',
      'forges',
      'hosts',
      'host',
      'users',
      'rate',
      '- ',
      ': ',
      '\n',
      '  ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '!!map ',
      '? ',
      'github.com',
      keyA,
      fingerprint,
      '30',
      'null',
      '<<',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(words, { maxLength: 14 }), async (parts) => {
        put(parts.join(''));
        await read().catch((error: unknown) => expect(error).toBeInstanceOf(SpuffError));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the policy of a project', () => {
  const inProject = (text: string, at = project, name = 'spuff.yaml') => writeFileSync(join(at, name), text);

  it('is found upwards, also from a directory that is gone, and only its guard counts', async () => {
    inProject('image: other\nguard:\n  forges: [github.com]\nsize: [1]\n', join(root, 'work'), 'spuff.yml');
    const { destinations } = await read(join(project, 'src', 'gone'));
    expect(destinations.map(({ name }) => name)).toEqual(['github.com']);
    inProject('guard: { forges: [gitlab.com] }\n');
    expect((await read()).destinations.map(({ name }) => name)).toEqual(['gitlab.com']);
    expect(findProjectFile(root)).toBe(null);
  });

  it('narrows and never widens', async () => {
    put(whole);
    const widening = `guard:
  forges: [github.com, codeberg.org]
  hosts: [{host: git.example.com, users: [git, root]}, {host: new.example.com, host_keys: [${keyLine()}]}]
  keys: [home]
  commit_signing: allow
  confirm: never
  lease: 8h
  rate: 500
`;
    inProject(widening);
    expect(await read()).toMatchObject({
      keys: [[fingerprint, 'work@laptop'], ['home']],
      destinations: [{ name: 'github.com' }, { name: 'git.example.com', users: ['git'], hostKeys: [keyA] }],
      confirm: 'first-use',
      leaseMs: 3_600_000,
      rate: { perMinute: 12 },
      commitSigning: 'confirm',
    });
  });

  it.each([
    ['no guard', 'image: a\n'],
    ['nothing', ''],
    ['a list', '- a\n'],
  ])('says nothing with %s', async (_name, text) => {
    inProject(text);
    expect((await read()).destinations).toHaveLength(forgeNames.length);
  });

  it('is refused when it is wrong, with the place in its file', async () => {
    inProject('a: b\nguard:\n  rates: 1\n');
    await expect(read()).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/spuff\.yaml:3:3: there is no setting of the guard "rates"/),
    });
    inProject('guard:\n');
    await expect(read()).rejects.toThrow(/:1:7: expected settings/);
    inProject('a: 1\n', project, 'spuff.yml');
    await expect(read()).rejects.toThrow(/there are .*spuff\.yaml and .*spuff\.yml/);
    rmSync(join(project, 'spuff.yaml'));
    rmSync(join(project, 'spuff.yml'));
    mkdirSync(join(project, 'spuff.yaml'));
    await expect(read()).rejects.toThrow(/is not a file/);
  });
});
