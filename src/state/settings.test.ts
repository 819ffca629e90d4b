import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { SpuffError } from '../domain/errors.ts';
import { defaultSettings } from '../domain/settings.ts';
import { parseConfig } from './config-document.ts';
import { readPlainConfig } from './read-plain-config.ts';
import { readSettings } from './settings.ts';
import { settingsTable } from './settings-table.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-settings-'));
  path = join(directory, 'config.yaml');
});
afterEach(() => rmSync(directory, { recursive: true }));

const read = (text: string) => {
  writeFileSync(path, text, { mode: 0o600 });
  return readSettings(path);
};

const complaint = async (text: string): Promise<SpuffError> => {
  const error: unknown = await read(text).catch((reason: unknown) => reason);
  if (error instanceof SpuffError) return error;
  throw new Error('nothing was wrong');
};

describe('readSettings', () => {
  it('gives the defaults without a file, and makes none', async () => {
    expect(await readSettings(path)).toEqual(defaultSettings);
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it.each(['', '# nothing but a comment\n', '\n\n', '---\n', 'region:\nsize: ~\nimage: null\n', '{}'])(
    'gives the defaults for %j',
    async (text) => {
      expect(await read(text)).toEqual(defaultSettings);
    },
  );

  it('reads every setting', async () => {
    const text = `
# mine
provider: local
region: fra1          # near me
size: s-1vcpu-1gb
image: "debian-12"
user: me
ssh_key: ~/.ssh/id_work.pub
forward_agent: raw
idle_timeout: 1h30m
idle_cpu: 1.5
idle_processes: 0.2
idle_containers: 0.3
idle_network: 20k
pre_down_timeout: 2m
max_lifetime: off
allowed_regions: fra1, ams3
token_command: op read op://vault/item/token
tailscale: on
tailscale_tags: tag:dev, tag:ci
tailscale_close_public_ssh: on
tailscale_key_command: op read op://vault/tailnet/key
firewall: open
address_service: https://ip.example.com
engine_socket: unix:///run/user/1000/podman/podman.sock
on_idle: snapshot
reap_in_background: off
monthly_budget: 50EUR, 20.50 usd
keep_snapshots: 3
rescue: on
rescue_to: /k/id_ed25519.pub, age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
`;
    expect(await read(text)).toEqual({
      rescue: true,
      rescueTo: ['/k/id_ed25519.pub', 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'],
      onIdle: 'snapshot',
      reapInBackground: false,
      monthlyBudgets: [
        { amount: '50', currency: 'EUR' },
        { amount: '20.5', currency: 'USD' },
      ],
      keepSnapshots: 3,
      provider: 'local',
      regions: ['fra1'],
      size: 's-1vcpu-1gb',
      image: 'debian-12',
      user: 'me',
      sshKey: `${homedir()}/.ssh/id_work.pub`,
      forwardAgent: 'raw',
      idleTimeoutMs: 5_400_000,
      idleCpuCores: 1.5,
      idleProcessCores: 0.2,
      idleContainerCores: 0.3,
      idleNetworkBytesPerSecond: 20_000,
      preDownTimeoutMs: 120_000,
      maxLifetimeMs: null,
      allowedRegions: ['fra1', 'ams3'],
      tokenCommand: 'op read op://vault/item/token',
      tailscale: true,
      tailscaleTags: ['tag:dev', 'tag:ci'],
      tailscaleClosePublicSsh: true,
      tailscaleKeyCommand: 'op read op://vault/tailnet/key',
      firewall: 'open',
      addressService: 'https://ip.example.com',
      engineSocket: 'unix:///run/user/1000/podman/podman.sock',
    });
  });

  it.each([
    'region: fra1\n',
    'region: "fra1"\n',
    '{region: fra1}',
    '\ufeffregion: fra1\r\nuser: dev\r\n',
    'region: >-\n  fra1\n',
  ])('reads %j in YAML as in plain lines', async (text) => {
    expect(await read(text)).toEqual({ ...defaultSettings, regions: ['fra1'] });
  });

  it('keeps a number as it was written', async () => {
    expect(await read('image: 1.10\nsize: "2"\n')).toMatchObject({ image: '1.10', size: '2' });
  });

  it('makes a file private that others could read', async () => {
    await read('');
    chmodSync(path, 0o644);
    await readSettings(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

describe('what is wrong in a file', () => {
  it.each([
    [
      'an unknown key',
      'region: a\n\nregoin: b\n',
      /config\.yaml:3:1: there is no setting "regoin"$/,
      'did you mean region?',
    ],
    [
      'a key of no resemblance',
      'x: 1\n',
      /config\.yaml:1:1: there is no setting "x"/,
      /^there are: provider, region/,
    ],
    ['a wrong choice', 'forward_agent: yes\n', /:1:16: forward_agent: "yes" is not guard, none or raw/, null],
    [
      'a length of time without its unit',
      'user: me\nidle_timeout: 30\n',
      /:2:15: idle_timeout: "30" is not a length of time such as/,
      null,
    ],
    [
      'a relative path',
      'ssh_key: id.pub\n',
      /:1:10: ssh_key: "id\.pub" is not a path that begins with/,
      null,
    ],
    ['a system account', 'user: root\n', /:1:7: user: "root" is not a usable user name/, null],
    ['a list', 'region:\n  - a\n', /:2:3: region takes one value/, null],
    ['an alias', 'region: &x a\nsize: *x\n', /:2:7: size takes one value/, null],
    ['a key twice', 'region: a\nregion: b\n', /:2:1: Map keys must be unique/, null],
    ['a key that is no word', '1: a\n', /:1:1: a key has to be a word/, null],
    ['no map', '- a\n', /:1:1: expected lines of the form key: value/, null],
    ['broken YAML', 'region: "a\n', /config\.yaml:2:1: Missing closing "quote/, null],
    ['two documents', 'region: a\n---\nsize: b\n', /config\.yaml:2:1: /, null],
    [
      'an escape sequence',
      'region: "a\\e[2Jb"\n',
      /:1:9: region: "a\\u001b\[2Jb" is not the name of a region/,
      null,
    ],
  ])('names line and column of %s', async (_what, text, message, hint) => {
    const error = await complaint(text);
    expect(error.code).toBe('config');
    expect(error.message).toMatch(message);
    if (hint !== null) expect(error.hints[0]).toMatch(hint);
    expect(error.hints).toContain('mend it: spuff config edit');
  });

  it('names everything at once, in the order of the lines', async () => {
    const { message } = await complaint('size: [1]\nregoin: b\nuser: ROOT\n');
    expect(message.split('\n').map((line) => /:(\d+:\d+): /.exec(line)?.[1])).toEqual(['1:7', '2:1', '3:7']);
  });

  it('refuses files that are no such file', async () => {
    mkdirSync(path);
    await expect(readSettings(path)).rejects.toMatchObject({ code: 'state' });
    rmSync(path, { recursive: true });
    writeFileSync(join(directory, 'target'), '');
    symlinkSync(join(directory, 'target'), path);
    await expect(readSettings(path)).rejects.toMatchObject({ code: 'permission' });
    rmSync(path);
    writeFileSync(path, Buffer.from([0xff, 0xfe]));
    await expect(readSettings(path)).rejects.toThrow(/not UTF-8/);
    writeFileSync(path, '#'.repeat(100_000));
    await expect(readSettings(path)).rejects.toThrow(/larger than/);
  });

  it('never ends otherwise than with settings or a clear error', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...settingsTable.map(({ key }) => key),
        ': ',
        ':',
        '\n',
        '  ',
        '- ',
        '"',
        "'",
        '#',
        '&a ',
        '*a',
        '!!x ',
        '|\n',
        '{',
        '}',
        '[',
        '? ',
        '<<',
        '%',
        '---\n',
        '\t',
        'off',
        '1h',
        '~',
        '/x',
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        try {
          await read(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(SpuffError);
        }
      }),
    );
  });
});

describe('readPlainConfig', () => {
  const key = fc.constantFrom(...settingsTable.map((spec) => spec.key));
  const value = fc.oneof(
    fc.constantFrom(
      'off',
      'null',
      'Null',
      'true',
      '1.10',
      '0x1f',
      '1e3',
      '2026-11-23',
      '007',
      '12:30:45',
      'a:b',
      '~/x',
      '/x',
      'a:',
      '~',
      '-',
      '.5',
      '1_000',
    ),
    fc.string({ unit: fc.constantFrom(...'aZ9_./:+@-~# \t'.split('')), maxLength: 10 }),
  );
  const line = fc.oneof(
    fc
      .tuple(
        key,
        fc.constantFrom(': ', ':  ', ':', ' : ', ':\t'),
        value,
        fc.constantFrom('', ' # x', '#x', ' ', '\t# y'),
      )
      .map((parts) => parts.join('')),
    fc.constantFrom('', '# comment', '  # comment', '  ', '---', '...'),
  );

  it('reads what it reads as YAML does', () => {
    let plainCount = 0;
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
        const text = lines.join(end);
        const plain = readPlainConfig(text);
        if (plain === null) return;
        plainCount++;
        const { entries } = parseConfig(yaml, text, 'config.yaml');
        expect([...plain].sort()).toEqual([...entries].sort());
      }),
      { numRuns: 2_000 },
    );
    expect(plainCount).toBeGreaterThan(100);
  });

  it.each([
    'a: b: c\n',
    'a: "b"\n',
    ' a: b\n',
    'a:\n  b\n',
    'a: b\na: c\n',
    'a: null\n',
    'a: [b]\n',
    'a: b\u2028\n',
  ])('leaves %j to YAML', (text) => {
    expect(readPlainConfig(text)).toBeNull();
  });
});
