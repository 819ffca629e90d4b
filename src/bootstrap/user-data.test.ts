import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SpuffError } from '../domain/errors.ts';
import { makeInstanceKey } from '../domain/ids.ts';
import { checkInstanceName, checkUserName } from '../domain/names.ts';
import { Secret } from '../domain/secret.ts';
import { runProcess } from '../lib/process.ts';
import { firstBootScript, restoreScript } from './hardening-scripts.ts';
import { buildUserData, cloudConfigFor, type UserDataInput } from './user-data.ts';

function publicKey(algorithm: string, blobBytes = 32): string {
  const head = Buffer.concat([Buffer.from([0, 0, 0, algorithm.length]), Buffer.from(algorithm)]);
  return `${algorithm} ${Buffer.concat([head, randomBytes(blobBytes)]).toString('base64')}`;
}

const privateKey =
  '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\nAAAAB3\n-----END OPENSSH PRIVATE KEY-----\n';

const input: UserDataInput = {
  user: 'dev',
  hostName: 'demo',
  key: makeInstanceKey(1_795_000_000_000, new Uint8Array(10)),
  sshPublicKeys: [`${publicKey('ssh-ed25519')} ana@laptop`],
  injectedHostKey: { publicKey: `${publicKey('ssh-ed25519')} one-time`, privateKey: new Secret(privateKey) },
  agentTokenSha256: createHash('sha256').update('token').digest('hex'),
  maxUserDataBytes: 16_384,
};

function codeOf(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    if (error instanceof SpuffError) return error.code;
    throw error;
  }
  return 'accepted';
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .tuple(
      fc.constantFrom('demo', 'dev', ''),
      fc.constantFrom(
        '\n',
        '"',
        "'",
        '$(id)',
        '`id`',
        ';id',
        '../',
        '/etc',
        '{{ v }}',
        ': x',
        '\0',
        ' ',
        '*',
        '?',
        '!',
        '@',
        '%h',
      ),
      fc.constantFrom('demo', 'dev', ''),
    )
    .map((parts) => parts.join('')),
);

describe('buildUserData', () => {
  it('is one cloud-config document in ASCII that reads back as its data', () => {
    const document = buildUserData(input);
    expect(document).toMatch(/^#cloud-config\n[\x20-\x7e]+\n$/);
    expect(parse(document, { version: '1.1' })).toEqual(cloudConfigFor(input));
  });

  it('lets one user in, by key alone', () => {
    const config = cloudConfigFor(input);
    expect(config).toMatchObject({ disable_root: true, ssh_pwauth: false, ssh_deletekeys: true });
    expect(config.allow_public_ssh_keys).toBe(false);
    expect(config.users).toHaveLength(1);
    expect(config.users[0]).toMatchObject({ name: 'dev', lock_passwd: true, shell: '/bin/bash' });
  });

  it('leaves the comments of the keys at home and sends a key once', () => {
    const [line] = input.sshPublicKeys;
    const document = buildUserData({
      ...input,
      sshPublicKeys: [line!, ` ${line}\n`, line!.split(' ', 2).join(' ')],
    });
    expect(document).not.toContain('ana@laptop');
    expect(document).not.toContain('one-time');
    expect(parse(document).users[0].ssh_authorized_keys).toEqual([line!.split(' ', 2).join(' ')]);
  });

  it('holds the hash of the token, the one-time host key, and no other key material', () => {
    const document = buildUserData(input);
    expect(document).toContain(`SPUFF_AGENT_TOKEN_SHA256=${input.agentTokenSha256}`);
    expect(document.match(/PRIVATE KEY/g)).toHaveLength(2);
    expect(parse(document).ssh_keys.ed25519_private).toBe(privateKey);
  });

  it('leaves nothing to the stages of cloud-init that come after the first login', () => {
    const keys = Object.keys(cloudConfigFor(input));
    for (const late of ['packages', 'package_update', 'runcmd']) expect(keys).not.toContain(late);
  });
});

describe('hostile input to buildUserData', () => {
  it('is refused as a name or a user, unless it is a good one, and then arrives unchanged', () => {
    fc.assert(
      fc.property(hostile, hostile, (hostName, user) => {
        const goodName = codeOf(() => checkInstanceName(hostName)) === 'accepted';
        const goodUser = codeOf(() => checkUserName(user)) === 'accepted';
        const code = codeOf(() => buildUserData({ ...input, hostName, user }));
        expect(code === 'accepted').toBe(goodName && goodUser);
        if (code === 'accepted') {
          const config = parse(buildUserData({ ...input, hostName, user }));
          expect([config.hostname, config.users[0].name]).toEqual([hostName, user]);
        } else {
          expect(['usage', 'config']).toContain(code);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never gets a second line, an option or another key into authorized_keys', () => {
    fc.assert(
      fc.property(hostile, hostile, (before, after) => {
        const line = `${before}${input.sshPublicKeys[0]}${after}`;
        if (codeOf(() => buildUserData({ ...input, sshPublicKeys: [line] })) !== 'accepted') return;
        const config = parse(buildUserData({ ...input, sshPublicKeys: [line] }));
        expect(config.users[0].ssh_authorized_keys).toEqual([
          input.sshPublicKeys[0]!.split(' ', 2).join(' '),
        ]);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['nothing', []],
    ['an option', ['command="id" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==']],
    ['two lines', [`${publicKey('ssh-ed25519')}\n${publicKey('ssh-ed25519')}`]],
    ['a blob of another algorithm', [publicKey('ssh-rsa').replace('ssh-rsa', 'ssh-ed25519')]],
    ['a DSA key', [publicKey('ssh-dss')]],
    ['a private key', [privateKey]],
  ])('refuses %s for a login key', (_what, sshPublicKeys) => {
    expect(codeOf(() => buildUserData({ ...input, sshPublicKeys }))).toBe('config');
  });

  it.each([
    'ssh-rsa',
    'ecdsa-sha2-nistp256',
    'sk-ssh-ed25519@openssh.com',
    'sk-ecdsa-sha2-nistp256@openssh.com',
  ])('takes %s as a login key', (algorithm) => {
    expect(codeOf(() => buildUserData({ ...input, sshPublicKeys: [publicKey(algorithm)] }))).toBe('accepted');
  });

  it.each([
    ['instance key', { key: `../${input.key}` }],
    ['token hash', { agentTokenSha256: `${'a'.repeat(63)}\n` }],
    ['host key', { injectedHostKey: { ...input.injectedHostKey, privateKey: new Secret('x') } }],
    ['host key', { injectedHostKey: { ...input.injectedHostKey, publicKey: publicKey('ssh-rsa') } }],
  ])('calls a malformed %s a bug, without printing it', (what, change) => {
    const build = () => buildUserData({ ...input, ...change });
    expect(codeOf(build)).toBe('internal');
    expect(build).toThrow(new RegExp(`^the .*${what}.* malformed$`));
  });
});

describe('the size of user data', () => {
  it.each([16_384, 32_768, 65_536])(
    'is refused beyond %i bytes, saying what takes the room',
    (maxUserDataBytes) => {
      const fitting = { ...input, maxUserDataBytes };
      expect(Buffer.byteLength(buildUserData(fitting))).toBeLessThan(10_240);
      const sshPublicKeys = Array.from({ length: maxUserDataBytes / 512 }, () => publicKey('ssh-rsa', 535));
      const build = () => buildUserData({ ...fitting, sshPublicKeys });
      expect(codeOf(build)).toBe('config');
      expect(build).toThrow(
        new RegExp(`provider takes ${maxUserDataBytes}. In bytes: ${sshPublicKeys.length} SSH public keys: `),
      );
    },
  );

  it('is allowed up to the last byte', () => {
    const bytes = Buffer.byteLength(buildUserData(input));
    expect(codeOf(() => buildUserData({ ...input, maxUserDataBytes: bytes }))).toBe('accepted');
    expect(codeOf(() => buildUserData({ ...input, maxUserDataBytes: bytes - 1 }))).toBe('config');
  });
});

describe('the scripts of the first boot', () => {
  it.each([
    ['restore', restoreScript],
    ['first-boot', firstBootScript],
  ])('%s is a script that a POSIX shell can read', async (_name, script) => {
    const result = await runProcess(['sh', '-n', '-s'], { stdin: script });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it.each([{ user: 'ana' }, { hostName: 'other' }])('do not change with %j', (change) => {
    const scriptsOf = (config: ReturnType<typeof cloudConfigFor>) => [
      config.bootcmd,
      config.write_files.filter((file) => file.permissions === '0755'),
    ];
    expect(scriptsOf(cloudConfigFor({ ...input, ...change }))).toEqual(scriptsOf(cloudConfigFor(input)));
  });
});
