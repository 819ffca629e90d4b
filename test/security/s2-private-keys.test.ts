/** S2 with the built CLI: a private key that is not the user's alone is refused, and spuff itself never opens one. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSpuffHome, type SpuffHome, spuffProgram } from '../e2e/spuff-process.ts';
import { traceOpens } from './trace-opens.ts';
import { makeKeyPair, UserHome } from './user-home.ts';

let user: UserHome;
let home: SpuffHome;
let key: string;

beforeEach(() => {
  user = new UserHome();
  key = user.key;
  home = makeSpuffHome(user.env);
});
afterEach(async () => {
  await home.remove();
  user.remove();
});

interface Flaw {
  spoil: () => void;
  status: number;
  says: RegExp;
  /** The command that the hint gives; what a person would answer to its questions is added to it. */
  remedy: () => string;
  answers?: () => string;
}

const elsewhere = () => join(user.path, 'wide-key');
const chmodHint = (path: string) => `chmod 600 ${path}`;
const flaws: Readonly<Record<string, Flaw>> = {
  'everybody can read': {
    spoil: () => chmodSync(key, 0o644),
    status: 15,
    says: /can be read by others \(0644\)/,
    remedy: () => chmodHint(key),
  },
  'the group can read': {
    spoil: () => chmodSync(key, 0o640),
    status: 15,
    says: /can be read by others \(0640\)/,
    remedy: () => chmodHint(key),
  },
  'is a link to a wide one': {
    spoil: () => {
      renameSync(key, elsewhere());
      chmodSync(elsewhere(), 0o644);
      symlinkSync(elsewhere(), key);
    },
    status: 15,
    says: /wide-key, which \S+id_ed25519 leads to can be read by others \(0644\)/,
    remedy: () => chmodHint(elsewhere()),
  },
  'has no public half': {
    spoil: () => rmSync(`${key}.pub`),
    status: 3,
    says: /has no public half beside it/,
    remedy: () => `ssh-keygen -y -f ${key} > ${key}.pub`,
  },
  'is not there': {
    spoil: () => {
      rmSync(key);
      rmSync(`${key}.pub`);
    },
    status: 3,
    says: /there is no SSH key/,
    remedy: () => 'ssh-keygen -t ed25519',
    answers: () => ` -q -N '' -f ${key}`,
  },
  'is someone else’s': {
    spoil: () => chownSync(key, 65_534, 65_534),
    status: 15,
    says: /belongs to another user/,
    // Which key is meant instead only the user knows.
    remedy: () => 'spuff config set ssh_key ~/.ssh/id_ed25519.pub',
    answers: () => ` && chown ${process.getuid?.()} ${key}`,
  },
};

/** How a key comes to be used. */
const ways: Readonly<Record<string, () => Promise<unknown>>> = {
  'found in ~/.ssh': async () => undefined,
  'named by the setting': () => home.ok(['config', 'set', 'ssh_key', key]),
  'held by ssh-agent too': async () => user.startAgent(),
};
const notWithAgent = ['has no public half', 'is not there'];
const table = Object.keys(ways).flatMap((way) =>
  Object.keys(flaws)
    // What the agent alone has works without the file.
    .filter((flaw) => !(way.includes('agent') && notWithAgent.includes(flaw)))
    .map((flaw) => [way, flaw] as const),
);

describe.each(table)('a private key %s that %s', (way, name) => {
  it('is refused with the command that mends it, before anything is made', async (context) => {
    if (name === 'is someone else’s' && process.getuid?.() !== 0)
      context.skip('giving a file to another user takes root');
    const flaw = flaws[name] as Flaw;
    await ways[way]?.();
    expect(await home.spuff(['up', 'demo', '--dry-run'])).toMatchObject({ exitCode: 0 });

    flaw.spoil();
    for (const args of [['--dry-run'], ['--no-connect']]) {
      const { exitCode, stdout, stderr } = await home.spuff(['up', 'demo', ...args]);
      expect({ exitCode, stdout }).toEqual({ exitCode: flaw.status, stdout: '' });
      expect(stderr).toMatch(flaw.says);
      expect(hintsOf(stderr)).toContain(flaw.remedy());
    }
    expect(JSON.parse((await home.ok(['ls', '--json'])).stdout)).toMatchObject({ instances: [] });
    const doctor = JSON.parse((await home.spuff(['doctor', '--json'])).stdout) as Examination;
    const check = doctor.checks.find((one) => one.name === 'ssh key');
    expect(check).toMatchObject({ outcome: 'fail', what: expect.stringMatching(flaw.says) });
    expect(check?.hints.map(commandIn)).toContain(flaw.remedy());

    const line = `spuff() { "$SPUFF_NODE" "$SPUFF_CJS" "$@"; }; ${flaw.remedy()}${flaw.answers?.() ?? ''}`;
    const [SPUFF_NODE, SPUFF_CJS] = spuffProgram;
    const shell = { ...process.env, ...user.env, SPUFF_HOME: home.path, SPUFF_NODE, SPUFF_CJS };
    expect(spawnSync('sh', ['-c', line], { env: shell, encoding: 'utf8' })).toMatchObject({ status: 0 });
    expect(await home.spuff(['up', 'demo', '--dry-run'])).toMatchObject({ exitCode: 0 });
  });
});

interface Examination {
  checks: { name: string; outcome: string; what: string; hints: string[] }[];
}

/** `close it: chmod 600 key` → `chmod 600 key`. */
function commandIn(hint: string): string {
  return hint.replace(/^[^:]*: /, '');
}

function hintsOf(stderr: string): string[] {
  return [...stderr.matchAll(/^hint: (.*)$/gm)].map(([, hint = '']) => commandIn(hint));
}

describe('a key that was opened to others after up', () => {
  it('logs in nowhere, and the hint names the file that it is', async () => {
    const named = join(user.path, "it's mine");
    makeKeyPair(named);
    await home.ok(['config', 'set', 'ssh_key', named]);
    await home.ok(['config', 'set', 'forward_agent', 'raw']);
    await home.ok(['up', 'demo', '--no-connect']);
    expect(await home.spuff(['ssh', 'demo', '--', 'true'])).toMatchObject({ exitCode: 0 });
    chmodSync(named, 0o640);
    // With a lent agent, a session has a connection of its own: nothing that was opened before helps it.
    const refused = await home.spuff(['ssh', 'demo', '--', 'true']);
    expect(refused).toMatchObject({ exitCode: 15, stdout: '' });
    // The other hint is about lending the whole agent.
    const hint = hintsOf(refused.stderr).find((text) => text.startsWith('chmod 600 ')) ?? 'false';
    execFileSync('sh', ['-c', hint]);
    expect(await home.spuff(['ssh', 'demo', '--', 'true'])).toMatchObject({ exitCode: 0 });
  });
});

/** The programs of OpenSSH, as the kernel names their processes. */
const openSsh = ['ssh', 'ssh-add', 'ssh-agent', 'ssh-keygen'];

/** Runs shell lines in which `spuff` is the built CLI. The last thing they start has ended when this returns. */
function traceSpuff(lines: readonly string[]) {
  const [SPUFF_NODE, SPUFF_CJS] = spuffProgram;
  const script = ['spuff() { "$SPUFF_NODE" "$SPUFF_CJS" "$@"; }', ...lines].join('\n');
  return traceOpens(['sh', '-ec', script], {
    env: { ...user.env, SPUFF_HOME: home.path, SPUFF_NODE, SPUFF_CJS },
  });
}

/** The whole life of a machine, with everything that logs in. `down` ends the shared connection, and so the trace. */
const wholeLife = [
  'spuff init --yes',
  'spuff up demo --dry-run',
  'spuff doctor',
  'spuff up demo --no-connect',
  'echo input | spuff exec demo -- cat',
  'spuff ssh demo -- true',
  'spuff ssh demo -- -C true',
  'spuff cp /etc/hostname demo:',
  'spuff status demo --detailed',
  'spuff config set forward_agent raw',
  'spuff ssh demo -- true',
  'spuff down demo',
];

describe('the private half', () => {
  it('in ~/.ssh is opened by OpenSSH alone, from up to down', async () => {
    const trace = await traceSpuff(wholeLife);
    expect(trace).toMatchObject({ exitCode: 0, output: expect.stringContaining('input\n') });
    const openers = trace.openersOf(/\/\.ssh\/id_ed25519$/);
    expect(openers.filter((program) => !openSsh.includes(program))).toEqual([]);
    // The search would find it: these did open it, and spuff opened the public half beside it.
    expect(openers.sort()).toEqual(['ssh', 'ssh-keygen']);
    const ofPublicHalf = trace.openersOf(/\/\.ssh\/id_ed25519\.pub$/);
    expect(ofPublicHalf.filter((program) => !openSsh.includes(program))).not.toEqual([]);
  });

  it('that spuff has made for itself is made and opened by OpenSSH alone', async () => {
    rmSync(join(user.path, '.ssh'), { recursive: true });
    const trace = await traceSpuff(wholeLife);
    expect(trace).toMatchObject({ exitCode: 0 });
    // Also under the name that it is made by.
    const openers = trace.openersOf(/\/keys\/id_ed25519(?:\.new)?$/);
    expect(openers.sort()).toEqual(['ssh', 'ssh-keygen']);
  });

  it('of each key that spuff makes later, on disk and on the way to ssh-agent, is opened by OpenSSH alone', async () => {
    user.startAgent();
    const trace = await traceSpuff([
      'spuff key new --no-passphrase',
      'spuff key rotate --no-passphrase',
      'spuff key list',
      'spuff key rotate --lifetime 1h',
      'spuff key revoke --all --yes',
    ]);
    expect(trace).toMatchObject({ exitCode: 0 });
    const onDisk = trace.openersOf(/\/keys\/id_ed25519(?:-[\d-]+)?(?:\.new)?$/);
    expect(onDisk.filter((program) => !openSsh.includes(program))).toEqual([]);
    expect(onDisk).toContain('ssh-keygen');
    const inMemory = trace.openersOf(/\/spuff-key-[0-9a-f]{16}\/key$/);
    expect(inMemory.sort()).toEqual(['ssh-add', 'ssh-keygen']);
  });

  it.each(Object.keys(ways))('%s, and closed by a passphrase, is not opened to decide', async (way) => {
    await ways[way]?.();
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'a passphrase', '-f', key]);
    const trace = await traceSpuff(['spuff up demo --dry-run', 'spuff doctor || true']);
    expect(trace).toMatchObject({ exitCode: 0, output: expect.stringContaining(`${key}.pub`) });
    expect(trace.openersOf(/\/id_ed25519$/)).toEqual(['ssh-keygen']);
  });

  it.each([
    ['by another name', 'fs.readFileSync(link)'],
    ['in another thread', 'fs.readFile(key, () => undefined)'],
    ['in a child', "childProcess.execFileSync('cat', [key])"],
    ['to be written', "fs.closeSync(fs.openSync(key, 'a'))"],
  ])('would be seen when anything else opens it: %s', async (_, statement) => {
    const link = join(user.path, 'link');
    symlinkSync(key, link);
    const script = `const fs = require('node:fs'), childProcess = require('node:child_process');
      const [key, link] = process.argv.slice(1); ${statement};`;
    const trace = await traceOpens([process.execPath, '-e', script, key, link], { env: user.env });
    expect(trace).toMatchObject({ exitCode: 0, output: '' });
    const openers = trace.openersOf(/\/\.ssh\/id_ed25519$/);
    expect(openers.filter((program) => !openSsh.includes(program))).toHaveLength(1);
  });
});
