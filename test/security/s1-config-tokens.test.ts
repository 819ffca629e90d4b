import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpuffError } from '../../src/domain/errors.ts';
import { openConfigFile } from '../../src/state/config-file.ts';
import { readSettings } from '../../src/state/settings.ts';

// S1: a configuration file that holds what looks like a token is refused with its line, and the token is never shown.

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-s1-'));
  path = join(directory, 'config.yaml');
});
afterEach(() => rmSync(directory, { recursive: true }));

const hex = '0123456789abcdef';
/** Made up, in the published shapes. In pieces, so that no scanner takes this file for a leak. */
const tokens = {
  digitalOcean: `dop_${'v1'}_${hex.repeat(4)}`,
  hetzner: 'aB3dE6gH9jK2mN5p'.repeat(4),
  awsId: `AKIA${'ABCDEFGHIJKLMNOP'}`,
  github: `ghp_${'aB3dE6gH9j'.repeat(4)}`.slice(0, 40),
  githubFine: `github_${'pat'}_11ABCDEFG0${'aB3dE6gH9j'.repeat(4)}`,
  tailscale: `tskey-${'auth'}-kABC1234CNTRL-aB3dE6gH9jK2mN5p`,
  agent: 'q7Zk3vR9mX1pL5tN8wB2cD6fG0hJ4sA-yE_uKiOoPz1',
  awsSecret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const pem = (end = '\n') => `-----BEGIN OPENSSH ${'PRIVATE'} KEY-----${end}b3BlbnNzaC1rZXktdjEAAAAABG5vbmU`;

const files: ReadonlyArray<readonly [what: string, text: string, place: string, canary: string]> = [
  [
    'a DigitalOcean token under a setting',
    `size: a\nregion: ${tokens.digitalOcean}\n`,
    '2:9',
    tokens.digitalOcean,
  ],
  ['a Hetzner token in a list', `x:\n  - ${tokens.hetzner}\n`, '2:5', tokens.hetzner],
  ['an AWS key in a comment', `# was ${tokens.awsId}\nregion: a\n`, '1:7', tokens.awsId],
  ['a GitHub token after a setting', `region: a # ${tokens.github}\n`, '1:13', tokens.github],
  ['a fine-grained GitHub token as a key', `${tokens.githubFine}: x\n`, '1:1', tokens.githubFine],
  ['a Tailscale key', `tailscale: {key: ${tokens.tailscale}}\n`, '1:18', tokens.tailscale],
  ['a private key', `ssh_key: |\n  ${pem('\n  ')}\n`, '2:3', 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmU'],
  ['anything under token', `provider: local\ntoken: ${tokens.agent}\n`, '2:8', tokens.agent],
  ['a weak password', 'password: hunter2\n', '1:11', 'hunter2'],
  ['a secret in quotes', `aws_secret_access_key: "${tokens.awsSecret}"\n`, '1:24', tokens.awsSecret],
  ['a secret in a comment', `# api_key: ${tokens.agent}\n`, '1:12', tokens.agent],
  ['a secret in a block', 'client-secret: >-\n  hunter2\n  hunter3\n', '1:16', 'hunter2'],
  ['a secret in a map', 'auth:\n  token: {value: hunter2}\n', '2:18', 'hunter2'],
  ['a secret in flow style', '{region: a, apiToken: hunter2}\n', '1:23', 'hunter2'],
  ['a token that is escaped', `region: "\\x64op_v1_${hex.repeat(4)}"\n`, '1:9', hex.repeat(4)],
  ['a token that is folded', `region: "dop_v1_\\\n  ${hex.repeat(4)}"\n`, '1:9', hex.repeat(4)],
  ['a token in a broken file', `region: [\n${tokens.digitalOcean}\n`, '2:1', tokens.digitalOcean],
  ['a URL with a password', 'engine_socket: tcp://me:hunter2@localhost:2375\n', '1:16', 'hunter2'],
];

/** Everything of an error that a person, a log or a report could ever show. */
function show(error: unknown): string {
  return inspect(error, { depth: 10, showHidden: true }) + (error instanceof Error ? error.stack : '');
}

describe.each(files)('a configuration file with %s', (_what, text, place, canary) => {
  it('is refused with its line, a remedy, and without the secret', async () => {
    writeFileSync(path, text, { mode: 0o600 });
    const config = await openConfigFile(path);
    const attempts = [
      () => readSettings(path),
      async () => config.read(),
      async () => config.set({ size: 'b' }),
    ];
    for (const attempt of attempts) {
      const error: unknown = await attempt().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SpuffError);
      expect(error).toMatchObject({
        code: 'config',
        message: expect.stringContaining(`config.yaml:${place}: `) as string,
      });
      expect((error as SpuffError).hints.join()).toContain('environment');
      expect(show(error)).not.toContain(canary);
    }
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

describe('setting a token', () => {
  it.each(Object.entries(tokens).filter(([name]) => name !== 'agent' && name !== 'awsSecret'))(
    'of %s is refused, and no file is made',
    async (_name, token) => {
      const config = await openConfigFile(path);
      for (const key of ['region', 'size', 'token']) {
        let error: unknown;
        try {
          config.set({ [key]: token });
        } catch (reason) {
          error = reason;
        }
        expect(error).toBeInstanceOf(SpuffError);
        expect(show(error)).not.toContain(token);
      }
      expect(() => readFileSync(path)).toThrow(/ENOENT/);
    },
  );
});

describe('a configuration file without a secret', () => {
  it.each([
    `image: sha256:${hex.repeat(4)}\n`,
    'ssh_key: ~/.ssh/id_ed25519.pub\n',
    '# passwords and tokens: not in here\nregion: fra1\n',
    '# token: see the environment\n',
    'engine_socket: unix:///run/user/1000/podman/podman.sock\n',
  ])('is no false alarm: %j', async (text) => {
    writeFileSync(path, text, { mode: 0o600 });
    await expect(readSettings(path)).resolves.toBeDefined();
  });
});
