import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactArguments, redactText } from './redact.ts';

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const hexDigits = '0123456789abcdef';
const run = (alphabet: string, length: number) =>
  fc
    .array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length })
    .map((chars) => chars.join(''));

const tokens = fc.oneof(
  run(letters, 36).map((text) => `ghp_${text}`),
  run(hexDigits, 64).map((text) => `dop_v1_${text}`),
  run(letters, 16).map((text) => `AKIA${text.toUpperCase()}`),
  run(letters, 24).map((text) => `tskey-auth-${text}`),
);

describe('redactText', () => {
  it('never shows a token of a known shape, also at the place where the text is cut', () => {
    fc.assert(
      fc.property(tokens, fc.integer({ min: 0, max: 4_200 }), (token, before) => {
        const shown = redactText(`${'x '.repeat(before / 2)}${token} end`);
        expect(shown).not.toContain(token);
        expect(shown).not.toContain(token.slice(0, 30));
      }),
    );
  });

  it('never shows the value of something that is named as a secret', () => {
    const names = ['PASSWORD', 'db_password', 'HCLOUD_TOKEN', '--api-key', 'client_secret'];
    fc.assert(
      fc.property(fc.constantFrom(...names), run(letters, 7), (name, value) => {
        expect(redactText(`${name}=${value}`)).toBe(`${name}=[redacted]`);
      }),
    );
  });

  it.each([
    'git commit -m "make the parser faster"',
    'npm run build',
    '/usr/lib/node_modules/some-long-package-name/dist/index.js',
    'docker run --rm -p 8080:80 nginx:1.27',
  ])('leaves %s alone', (text) => {
    expect(redactText(text)).toBe(text);
  });

  it('is bounded for hostile text', () => {
    for (const text of ['a'.repeat(200_000), 'password'.repeat(20_000), '-----BEGIN '.repeat(20_000)]) {
      expect(redactText(text).length).toBeLessThan(1_100);
    }
  });
});

describe('redactArguments', () => {
  it('redacts the argument after an option that names a secret', () => {
    const argv = ['psql', '--password', 'hunter2', '--host', 'db'];
    expect(redactArguments(argv)).toEqual(['psql', '--password', '[redacted]', '--host', 'db']);
  });

  it.each([
    {
      argv: ['env', 'AWS_SECRET_ACCESS_KEY=hunter2 hunter2', 'make'],
      shown: ['env', 'AWS_SECRET_ACCESS_KEY=[redacted]', 'make'],
    },
    {
      argv: ['docker', 'run', '--env=DB_PASSWORD=hunter2 hunter2', 'x'],
      shown: ['docker', 'run', '--env=DB_PASSWORD=[redacted]', 'x'],
    },
    {
      argv: ['curl', '-H', 'Authorization: Token hunter2abc', 'x'],
      shown: ['curl', '-H', 'Authorization: [redacted]', 'x'],
    },
    {
      argv: ['curl', '-H', 'X-Api-Key: hunter2 hunter2', 'x'],
      shown: ['curl', '-H', 'X-Api-Key: [redacted]', 'x'],
    },
    { argv: ['curl', '-u', 'ana:hunter2', 'x'], shown: ['curl', '-u', 'ana:[redacted]', 'x'] },
    {
      argv: ['curl', '-uana:hunter2', '--proxy-user', 'ana:hunter2'],
      shown: ['curl', '-uana:[redacted]', '--proxy-user', 'ana:[redacted]'],
    },
    { argv: ['curl', '--user=ana:hunter2'], shown: ['curl', '--user=ana:[redacted]'] },
    { argv: ['psql', '--password', '-hunter2'], shown: ['psql', '--password', '[redacted]'] },
    { argv: ['psql', '--password', '--hunter2'], shown: ['psql', '--password', '[redacted]'] },
    {
      argv: ['sh', '-c', 'mysql --password hunter2 db'],
      shown: ['sh', '-c', 'mysql --password [redacted] db'],
    },
    {
      argv: ['sh', '-c', 'mysql --password "hunter2 x" db'],
      shown: ['sh', '-c', 'mysql --password [redacted] db'],
    },
    {
      argv: ['sh', '-c', `sudo sh -c "mysql --password hunter2 'db'"`],
      shown: ['sh', '-c', `sudo sh -c "mysql --password [redacted] 'db'"`],
    },
    { argv: ['sh', '-c', 'curl -u ana:hunter2 x'], shown: ['sh', '-c', 'curl -u ana:[redacted] x'] },
    { argv: ['sh', '-c', "curl -u 'ana:hunter2 x' x"], shown: ['sh', '-c', 'curl -u ana:[redacted] x'] },
    {
      argv: ['sh', '-c', 'curl -H "Authorization: Token hunter2abc" x'],
      shown: ['sh', '-c', 'curl -H "Authorization: [redacted]" x'],
    },
    {
      argv: ['bash', '-lc', String.raw`TOKEN=hunter2\ hunter2 make`],
      shown: ['bash', '-lc', 'TOKEN=[redacted] make'],
    },
    {
      argv: ['bash', '-lc', 'TOKEN=hunter2 make test'],
      shown: ['bash', '-lc', 'TOKEN=[redacted] make test'],
    },
  ])('takes the secret out of $argv', ({ argv, shown }) => {
    expect(redactArguments(argv)).toEqual(shown);
  });

  it.each([
    [['docker', 'run', '-u', '1000:1000', '-p', '8080:80', 'nginx:1.27']],
    [['sh', '-c', 'make -j4 && git commit -m "it\'s done" -- src']],
    [['gh', 'auth', 'login', '--with-token', '--hostname', 'x']],
    [['tool', '--token', '-v', '--']],
    [['sh', '-c', 'gh auth login --with-token --hostname x']],
    [['spuff', 'config', 'set', 'token_command', 'op read x']],
  ])('leaves %j alone', (argv) => {
    expect(redactArguments(argv)).toEqual(argv);
  });

  it('shows no secret that its own bound cuts in two', () => {
    const shownOfIt = fc.integer({ min: 12, max: 63 });
    fc.assert(
      fc.property(run(letters, 64), fc.constantFrom(2_048, 4_096), shownOfIt, (token, bound, length) => {
        // What is redacted before it moves the end of what was read into what is kept.
        const before = `password=${'x'.repeat(bound - length - 10)} `;
        expect(redactText(before + token)).not.toContain(token.slice(0, length));
      }),
      { examples: [['aB3'.repeat(22).slice(0, 64), 2_048, 63]] },
    );
  });

  it('keeps an option that follows one', () => {
    const argv = ['gh', 'auth', '--with-token', '--hostname', 'x'];
    expect(redactArguments(argv)).toEqual(argv);
  });

  it('looks at no more of a long command line than it has time for', () => {
    const shown = redactArguments(Array.from({ length: 4_000 }, () => 'word '.repeat(1_000)));
    expect(shown).toHaveLength(4_000);
    expect(shown.filter((argument) => argument === '[cut]')).toHaveLength(3_998);
  });

  it('keeps the number of arguments', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (argv) => {
        expect(redactArguments(argv)).toHaveLength(argv.length);
      }),
    );
  });
});
