import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { Secret } from '../../domain/secret.ts';
import { type AwsCredentials, readAwsCredentials, rememberCredentials } from './credentials.ts';

const signal = new AbortController().signal;
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-aws-'));
  mkdirSync(join(home, 'bin'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function program(name: string, script: string): string {
  const path = join(home, 'bin', name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const shown = ({ accessKeyId, secretAccessKey, sessionToken, expiresAt }: AwsCredentials) => ({
  ...{ accessKeyId, secret: secretAccessKey.reveal(), session: sessionToken?.reveal() ?? null, expiresAt },
});

const processJson = (change: object = {}) =>
  JSON.stringify({
    Version: 1,
    AccessKeyId: 'ASIAX',
    SecretAccessKey: 's3cret',
    SessionToken: 'tok',
    ...change,
  });

describe('the keys to AWS', () => {
  it('come from the environment before anything else', async () => {
    const env = {
      AWS_ACCESS_KEY_ID: ' AKIAX ',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: '',
      AWS_PROFILE: 'p',
    };
    const given = await readAwsCredentials({ env, command: '/nowhere', userHome: home }, signal);
    expect(shown(given)).toEqual({ accessKeyId: 'AKIAX', secret: 'secret', session: null, expiresAt: null });
  });

  it('come from the command, with their end', async () => {
    const command = program(
      'give',
      `cat <<'EOF'\n${processJson({ Expiration: '2026-11-25T15:00:00Z' })}\nEOF`,
    );
    const given = await readAwsCredentials({ env: {}, command, userHome: home }, signal);
    expect(shown(given)).toEqual({
      ...{
        accessKeyId: 'ASIAX',
        secret: 's3cret',
        session: 'tok',
        expiresAt: new Date('2026-11-25T15:00:00Z'),
      },
    });
  });

  test.each([
    ['no JSON', 'secret-in-the-clear'],
    ['no "Version": 1', processJson({ Version: 2 })],
    ['no SecretAccessKey', processJson({ SecretAccessKey: '' })],
    ['plain characters', processJson({ SecretAccessKey: 'two words' })],
  ])('are refused with %s, and what was printed is not shown', async (what, printed) => {
    const command = program('give', `cat <<'EOF'\n${printed}\nEOF`);
    const error = await readAwsCredentials({ env: {}, command, userHome: home }, signal).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'auth', message: expect.stringContaining(what) });
    expect(String(error)).not.toContain('secret-in-the-clear');
  });

  it('come from the AWS CLI where a profile is named, which gets what it needs and no keys', async () => {
    program(
      'aws',
      `[ "$*" = "configure export-credentials --format process" ] || exit 9
[ "$AWS_PROFILE" = work ] && [ -n "$AWS_CONFIG_FILE" ] && [ -z "$AWS_SECRET_ACCESS_KEY$AWS_SESSION_TOKEN" ] || exit 8
cat <<'EOF'\n${processJson()}\nEOF`,
    );
    const env = { AWS_PROFILE: 'work', AWS_CONFIG_FILE: '/c', AWS_SESSION_TOKEN: 'stale', PATH: pathWith() };
    const given = await readAwsCredentials({ env, command: null, userHome: '/nowhere' }, signal);
    expect(shown(given)).toMatchObject({ accessKeyId: 'ASIAX', secret: 's3cret', session: 'tok' });
  });

  it('are told to be missing where the AWS CLI has none, with what it said', async () => {
    program('aws', "printf 'Token has \\033[31mexpired' >&2; exit 255");
    mkdirSync(join(home, '.aws'), { recursive: true });
    const error = await readAwsCredentials(
      { env: { PATH: pathWith() }, command: null, userHome: home },
      signal,
    ).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'auth',
      message: expect.stringContaining('Token has \\x1b[31mexpired'),
    });
    expect(error.hints.join()).toContain('aws sso login');
  });

  it('are told to be missing where there is nothing, or half of them', async () => {
    const none = readAwsCredentials({ env: {}, command: null, userHome: '/nowhere' }, signal);
    await expect(none).rejects.toMatchObject({
      code: 'auth',
      hints: expect.arrayContaining([expect.stringContaining('AWS_ACCESS_KEY_ID')]),
    });
    const half = readAwsCredentials(
      { env: { AWS_ACCESS_KEY_ID: 'AKIAX' }, command: null, userHome: home },
      signal,
    );
    await expect(half).rejects.toMatchObject({
      code: 'auth',
      message: expect.stringContaining('AWS_SECRET_ACCESS_KEY'),
    });
  });
});

function pathWith(): string {
  return [join(home, 'bin'), process.env['PATH']].join(delimiter);
}

it('is asked for again only when a session is about to end', async () => {
  let asked = 0;
  let now = 0;
  const read = async () => ({
    ...{ accessKeyId: `A${++asked}`, secretAccessKey: new Secret('s'), sessionToken: null },
    expiresAt: new Date(now + 3_600_000),
  });
  const credentials = rememberCredentials(read, { now: () => now });
  expect((await credentials(signal)).accessKeyId).toBe('A1');
  now = 3_000_000;
  expect((await credentials(signal)).accessKeyId).toBe('A1');
  now = 3_400_000;
  expect((await credentials(signal)).accessKeyId).toBe('A2');
});
