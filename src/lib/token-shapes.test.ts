import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findToken, isSecretName, looksRandom, redactShapes, redactTokens } from './token-shapes.ts';

const hex64 = 'a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90';

/** Made up here, in the shape that each issuer publishes. Split, so that no scanner takes this file for a leak. */
const tokens: Record<string, string> = {
  'a DigitalOcean token': `dop_${'v1'}_${hex64}`,
  'a GitHub token': `ghp_${'0aB1cD2eF3'.repeat(4)}`.slice(0, 40),
  'a GitLab token': `glpat-${'0aB1cD2eF3'.repeat(2)}`,
  'an AWS access key': `AKIA${'IOSFODNN7EXAMPLE'}`,
  'a Tailscale key': `tskey-${'auth'}-kABCDEF1CNTRL-0123456789abcdef`,
  'a Slack token': `xoxb-${'123456789012'}-abcdefghijkl`,
  'a Google credential': `AIza${'0aB1cD2eF3'.repeat(4)}`.slice(0, 39),
  'an npm token': `npm_${'0aB1cD2eF3'.repeat(4)}`.slice(0, 40),
  'a Vault token': `hvs.${'0aB1cD2eF3'.repeat(3)}`,
  'an age key': `AGE-SECRET-${'KEY'}-1QQQQQQQQQQQQQQQQQQQQQQQQQQQ`,
  'an API key': `sk_${'live'}_0aB1cD2eF30aB1cD`,
  'a JSON Web Token': `eyJ${'hbGciOiJIUzI1NiJ9'}.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl`,
  'a URL with a password': `https://me:${'hunter2'}@git.example.org/x`,
  'a private key': `-----BEGIN OPENSSH ${'PRIVATE'} KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH ${'PRIVATE'} KEY-----`,
  'a Hetzner Cloud token': '0aB1cD2eF3gH4iJ5'.repeat(4),
};

describe('findToken', () => {
  it.each(Object.entries(tokens))('knows %s', (kind, token) => {
    expect(findToken(`region: x # ${token}`)).toEqual({ kind, index: 12 });
  });

  it.each([
    'fra1',
    'ubuntu-24-04-x64',
    `sha256:${hex64}`,
    'unix:///run/user/1000/podman/podman.sock',
    '/home/me/.ssh/id_ed25519.pub',
    'https://example.org:8443/a@b',
    '01jd0000000000000000000000',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3a me@host',
  ])('lets %s pass', (text) => {
    expect(findToken(text)).toBeNull();
  });
});

describe('redactTokens', () => {
  it.each(Object.entries(tokens))('takes out %s', (_kind, token) => {
    expect(redactTokens(`before ${token} after`)).not.toContain(token);
    expect(redactTokens(`{"x":${JSON.stringify(token)}}`)).not.toContain(token.slice(12, 40));
  });

  it.each([
    'password=hunter2',
    'DB_PASSWORD: hunter2',
    '--api-token=hunter2',
    '{"client_secret":"hunter2"}',
    String.raw`{"body":"{\"token\":\"hunter2\"}"}`,
    String.raw`"{\\\"token\\\":\\\"hunter2\\\"}"`,
    "{ token: 'hunter2' }",
    'Authorization: Bearer hunter2x',
    'authorization: Basic aHVudGVyMg==hunter2',
    '?access_token=hunter2&page=1',
    'Authorization: Token hunter2abc',
    '-H "Authorization: Digest username=ana, response=hunter2" -v',
    'Proxy-Authorization: AWS4-HMAC-SHA256 Credential=x/y, Signature=hunter2',
    'Cookie: theme=dark; session=hunter2',
    'PASSWORD="hunter2 and the end is cut',
    'Set-Cookie: hunter2',
    'X-Spuff-Token: hunter2',
  ])('takes the value out of %s', (text) => {
    const clean = redactTokens(text);
    expect(clean).not.toContain('hunter2');
    expect(clean).toContain('[redacted]');
  });

  it('takes out an agent token, whatever stands around it', () => {
    const token = 'q7Zk3vR9mX1pL5tN8wB2cD6fG0hJ4sA-yE_uKiOoPz1';
    for (const text of [token, `/v1/${token}/x`, `token ${token}.`, `"${token}"`, `a=${token}`]) {
      expect(redactTokens(text)).not.toContain(token);
    }
  });

  it.each([
    'error: machine 01jd0000000000000000000000 is gone',
    `image sha256:${hex64}`,
    'SHA256:q7Zk3vR9mX1pL5tN8wB2cD6fG0hJ4sA0yE1uKiOoPz1',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3a me@host',
    'basic authentication is off; the bearer of bad news',
    'at makeReady (/home/me/spuff/src/app/up.ts:41:9)',
    'token_command: op read op://vault/item',
  ])('leaves %s as it is', (text) => {
    expect(redactTokens(text)).toBe(text);
  });

  it('takes out the value behind the last of several names', () => {
    expect(redactTokens('a=b=token=hunter2')).toBe('a=b=token=[redacted]');
    expect(redactTokens('x: y: password : hunter2, z: 1')).toBe('x: y: password : [redacted], z: 1');
  });

  it('gives the same when it is done twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...Object.values(tokens), 'token=', '"', ' ', 'x', ':', '[', '\\')),
        (parts) => {
          const once = redactTokens(parts.join(''));
          expect(redactTokens(once)).toBe(once);
        },
      ),
    );
  });

  it('takes no more than linear time for hostile text', () => {
    const hostile = [
      // With any work per character that grows with the name, this takes minutes.
      'token.'.repeat(2_000_000),
      `eyJ-${'eyJ-'.repeat(50_000)}`,
      `${'token'.repeat(20_000)}=`,
      'token='.repeat(20_000),
      `token="${'token='.repeat(20_000)}`,
      '\\'.repeat(100_000),
      'a:'.repeat(50_000),
      `token=${'\\"'.repeat(50_000)}`,
    ];
    // The test's own time limit is what fails here.
    for (const text of hostile) expect(redactTokens(text).length).toBeGreaterThan(0);
  });
});

describe('redactShapes', () => {
  it('keeps a line of JSON a line of JSON', () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.constantFrom(...Object.values(tokens), 'token=', 'a://b', 'y:z@w', '"'),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), leaf), (value) => {
        expect(() => JSON.parse(redactShapes(JSON.stringify(value))) as unknown).not.toThrow();
      }),
    );
  });
});

describe('isSecretName', () => {
  it.each([
    'token',
    'apiToken',
    'DB_PASSWORD',
    'client-secret',
    'aws_secret_access_key',
    'passphrase',
    'Cookie',
  ])('knows %s', (name) => {
    expect(isSecretName(name)).toBe(true);
  });
  it.each(['region', 'ssh_key', 'token_command', 'agentTokenSha256', 'publicKey', 'key'])(
    'lets %s pass',
    (name) => {
      expect(isSecretName(name)).toBe(false);
    },
  );
});

it('tells what a generator made from what a person typed', () => {
  expect(looksRandom('q7Zk3vR9mX1pL5tN8wB2cD6f')).toBe(true);
  expect(looksRandom('correct')).toBe(false);
  expect(looksRandom('aaaaaaaaaaaaaaaaaaaaaaaaaaaa')).toBe(false);
});
