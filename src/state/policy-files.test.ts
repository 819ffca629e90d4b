import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPolicy } from './policy-files.ts';

let root: string;
let project: string;
let systemPath: string;
const systemOwner = process.getuid?.() ?? 0;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spuff-policy-'));
  project = join(root, 'work', 'project');
  systemPath = join(root, 'etc', 'spuff', 'policy.yaml');
  mkdirSync(project, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const read = (directory = project, owner = systemOwner) =>
  readPolicy({ directory, systemPath, systemOwner: owner });
const putSystem = (text: string) => {
  mkdirSync(join(systemPath, '..'), { recursive: true, mode: 0o755 });
  writeFileSync(systemPath, text, { mode: 0o644 });
};
const put = (directory: string, text: string) => writeFileSync(join(directory, 'spuff.policy.yaml'), text);

describe('policies', () => {
  it('are none where there are no files', async () => {
    expect(await read()).toEqual([]);
    expect(await read(join(root, 'gone', 'deep'))).toEqual([]);
  });

  it('are the computer’s and all on the way up, each rule with its place', async () => {
    putSystem('# ours\nregions: [fsn1, nbg1]\nmax_lifetime: 24h\n');
    put(root, 'providers:\n  - hetzner\n');
    put(project, 'max_lifetime: 8h\nmonthly_budget: [50EUR, 10 usd]\n');
    expect(await read()).toEqual([
      { name: 'regions', value: ['fsn1', 'nbg1'], where: `${systemPath}:2:1` },
      { name: 'max_lifetime', value: 86_400_000, where: `${systemPath}:3:1` },
      { name: 'providers', value: ['hetzner'], where: `${join(root, 'spuff.policy.yaml')}:1:1` },
      { name: 'max_lifetime', value: 28_800_000, where: `${join(project, 'spuff.policy.yaml')}:1:1` },
      {
        name: 'monthly_budget',
        value: [
          { amount: '50', currency: 'EUR' },
          { amount: '10', currency: 'USD' },
        ],
        where: `${join(project, 'spuff.policy.yaml')}:2:1`,
      },
    ]);
  });

  it('have every rule there is', async () => {
    put(
      project,
      'providers: [aws]\nregions: ["eu-*"]\nsizes: [t3.*]\nmax_lifetime: 1d\nidle_timeout: 2h\nfirewall: my-ip\n' +
        'forward_agent: guard\nconfirm: first-use\ntailscale: required\nmonthly_budget: 5EUR\n',
    );
    expect((await read()).map(({ name, value }) => [name, value])).toEqual([
      ['providers', ['aws']],
      ['regions', ['eu-*']],
      ['sizes', ['t3.*']],
      ['max_lifetime', 86_400_000],
      ['idle_timeout', 7_200_000],
      ['firewall', 'my-ip'],
      ['forward_agent', 'guard'],
      ['confirm', 'first-use'],
      ['tailscale', 'required'],
      ['monthly_budget', [{ amount: '5', currency: 'EUR' }]],
    ]);
  });

  it.each(['', '# nothing\n', '---\n', '{}\n'])('say nothing when they are %j', async (text) => {
    put(project, text);
    expect(await read()).toEqual([]);
  });

  it('name everything that is wrong, with the nearest name', async () => {
    put(project, 'region: [a]\nmax_lifetime: long\nfirewall: myip\nsizes: big\nmonthly_budget: lots\n');
    const error = await read().catch((caught: unknown) => caught);
    const file = join(project, 'spuff.policy.yaml');
    expect(error).toMatchObject({
      code: 'config',
      message: [
        `${file}:1:1: there is no rule "region"`,
        `${file}:2:15: max_lifetime: "long" is not a length of time such as 30s or 2h, at most 3650d`,
        `${file}:3:11: firewall: "myip" is not one of no-open, my-ip`,
        `${file}:4:8: sizes: expected a list, such as [a, b]`,
        `${file}:5:17: monthly_budget: "lots" is not an amount and its currency, such as 500EUR`,
      ].join('\n'),
      hints: expect.arrayContaining(['did you mean regions?', 'did you mean my-ip?']),
    });
  });

  it.each([
    ['- a\n', 'expected rules'],
    ['regions: [a\n', ':1:'],
    ['regions: [a]\nregions: [b]\n', ':2:1'],
    ['monthly_budget: []\n', 'expected an amount'],
    ['regions: ["a b"]\n', 'is not a name'],
    [`# dop_${'v1'}_${'a1'.repeat(20)}\n`, 'looks like a DigitalOcean token'],
  ])('are refused when they are %j', async (text, message) => {
    put(project, text);
    await expect(read()).rejects.toThrow(message);
  });

  it('of a project may be a link, but not to nowhere, and no directory', async () => {
    put(root, 'regions: [a]\n');
    const path = join(project, 'spuff.policy.yaml');
    symlinkSync(join(root, 'spuff.policy.yaml'), path);
    expect(await read()).toHaveLength(2);
    rmSync(path);
    symlinkSync(join(root, 'nowhere'), path);
    await expect(read()).rejects.toThrow(path);
    rmSync(path);
    mkdirSync(path);
    await expect(read()).rejects.toThrow(path);
  });
});

describe('the computer’s policy', () => {
  const attacks: readonly [string, () => void, string][] = [
    ['can be written by others', () => chmodSync(systemPath, 0o666), 'can be changed by others'],
    ['can be written by a group', () => chmodSync(systemPath, 0o664), 'can be changed by others'],
    [
      'is in a directory that others can write to',
      () => chmodSync(join(systemPath, '..'), 0o777),
      'can be changed',
    ],
    [
      'is a link',
      () => {
        rmSync(systemPath);
        writeFileSync(join(root, 'other.yaml'), 'regions: ["*"]\n');
        symlinkSync(join(root, 'other.yaml'), systemPath);
      },
      'is a link',
    ],
    [
      'is in a directory that is a link',
      () => {
        rmSync(join(systemPath, '..'), { recursive: true });
        mkdirSync(join(root, 'other'));
        writeFileSync(join(root, 'other', 'policy.yaml'), 'regions: ["*"]\n');
        symlinkSync(join(root, 'other'), join(systemPath, '..'));
      },
      'is a link',
    ],
    [
      'is a directory',
      () => {
        rmSync(systemPath);
        mkdirSync(systemPath);
      },
      'is not what it should be',
    ],
  ];
  it.each(attacks)('that %s is refused, and not passed over', async (_what, attack, why) => {
    putSystem('regions: [a]\n');
    attack();
    await expect(read()).rejects.toMatchObject({ code: 'permission', message: expect.stringContaining(why) });
  });

  it('that is another user’s is refused', async () => {
    putSystem('regions: [a]\n');
    await expect(read(project, systemOwner + 1)).rejects.toThrow('belongs to another user than root');
  });
});
