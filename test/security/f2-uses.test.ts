/** F2: what the guard is for goes on working through it, and what can't work through it says what to change. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeRefusal } from '../../src/app/describe-refusal.ts';
import { GuardScene, type LentSession, sessionProgram } from '../guard/guard-scene.ts';

let scene: GuardScene;
let session: LentSession;
let raw: LentSession;
beforeAll(async () => {
  scene = new GuardScene();
  await scene.start();
  scene.makeRepository('lib', {
    'package.json': JSON.stringify({ name: 'lib', version: '1.0.0' }),
    'Cargo.toml': '[package]\nname = "lib"\nversion = "1.0.0"\nedition = "2021"\n',
    'src/lib.rs': '',
  });
  const forge = { ...scene.destination(), users: ['git', 'admin'] };
  session = await scene.lend({ policy: { destinations: [forge] } });
  raw = await scene.lend({ lend: 'raw' });
});
afterAll(() => scene.remove());

const done = expect.objectContaining({ status: 0 });

describe('through the guard', () => {
  it('git clones, fetches and pushes', async () => {
    const git = (...args: string[]) => session.run('dev', ['git', '-C', '/home/dev/lib', ...args]);
    expect(await session.run('dev', ['git', 'clone', '-q', 'forge:lib.git', '/home/dev/lib'])).toEqual(done);
    expect(await git('fetch', '-q')).toEqual(done);
    const as = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
    expect(await git(...as, 'commit', '-q', '--allow-empty', '-m', 'second')).toEqual(done);
    expect(await git('push', '-q')).toEqual(done);
    expect((await git('ls-remote', 'origin', 'main')).stdout).toContain(
      (await git('rev-parse', 'HEAD')).stdout.trim(),
    );
  });

  it('ssh logs in to an allowed host that is no forge', async () => {
    expect(await session.canLogIn(['admin@forge'])).toBe(true);
  });

  it('npm fetches a dependency', async () => {
    const folder = scene.machine.path('/home/dev/app');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0' }));
    spawnSync('chown', ['-R', scene.machine.uidOf('dev'), folder]);
    const node = join(process.execPath, '..');
    const env = {
      PATH: `${node}:${process.env['PATH']}`,
      npm_config_update_notifier: 'false',
      npm_config_audit: 'false',
    };
    const url = 'git+ssh://git@forge/~/lib.git';
    const ran = await session.run('dev', ['npm', '--prefix', '/home/dev/app', 'install', url], env);
    expect(ran).toEqual(done);
    expect(existsSync(join(folder, 'node_modules/lib/package.json'))).toBe(true);
  });

  const hasCargo = spawnSync('cargo', ['--version']).status === 0;
  it.runIf(hasCargo)(
    'cargo fetches a dependency, with its own git off (where there is a cargo)',
    async () => {
      const folder = scene.machine.path('/home/dev/crate');
      mkdirSync(join(folder, 'src'), { recursive: true });
      const dependency = `lib = { git = "ssh://git@forge/~/lib.git" }`;
      const head = '[package]\nname = "crate"\nversion = "1.0.0"\nedition = "2021"\n';
      writeFileSync(join(folder, 'Cargo.toml'), `${head}[dependencies]\n${dependency}\n`);
      writeFileSync(join(folder, 'src/lib.rs'), '');
      const argv = ['cargo', 'fetch', '--manifest-path', '/home/dev/crate/Cargo.toml'];
      const env = {
        ...{ CARGO_HOME: '/home/dev/cargo-home', CARGO_NET_GIT_FETCH_WITH_CLI: 'true' },
        ...{ GIT_SSH_COMMAND: 'ssh -F /home/dev/.ssh/config', PATH: process.env['PATH'] ?? '' },
      };
      expect(await session.run('root', argv, env)).toEqual(done);
      expect(readFileSync(join(folder, 'Cargo.lock'), 'utf8')).toContain('ssh://git@forge/~/lib.git');
    },
  );
});

describe('a commit', () => {
  const commit = async (one: LentSession) => {
    const folder = scene.machine.path('/home/dev');
    writeFileSync(join(folder, 'signing.pub'), `${scene.lentKey}\n`);
    const settings = [
      'user.name=t',
      'user.email=t@example.org',
      'gpg.format=ssh',
      'user.signingkey=/home/dev/signing.pub',
    ];
    const options = settings.flatMap((setting) => ['-c', setting]);
    await one.run('dev', ['git', 'init', '-q', '/home/dev/signed']);
    const argv = [
      'git',
      '-C',
      '/home/dev/signed',
      ...options,
      'commit',
      '-q',
      '-S',
      '--allow-empty',
      '-m',
      'signed',
    ];
    const { status } = await one.run('dev', argv);
    if (status !== 0) return false;
    writeFileSync(join(folder, 'signers'), `t@example.org ${scene.lentKey}\n`);
    const allowed = ['-c', 'gpg.ssh.allowedSignersFile=/home/dev/signers'];
    return (
      (await one.run('dev', ['git', '-C', '/home/dev/signed', ...allowed, 'verify-commit', 'HEAD']))
        .status === 0
    );
  };

  it('is signed when that is allowed, and not when it is off', async () => {
    const allowing = await scene.lend({ policy: { commitSigning: 'allow' } });
    expect(await commit(allowing)).toBe(true);
    await allowing.end();
    expect(await commit(session)).toBe(false);
    const hint = session.told().map(describeRefusal).at(-1)?.hint;
    expect(hint).toBe('to allow it: spuff guard allow --commit-signing confirm');
  });

  /** A program that shows a question, and has an answer of its own. */
  function makeDialog(name: string, answer: string): { env: Record<string, string>; asked: () => string } {
    const program = join(scene.ssh.folder, name);
    const note = `${program}.asked`;
    writeFileSync(program, `#!/bin/sh\necho "$SSH_ASKPASS_PROMPT: $1" >>'${note}'\n${answer}\n`);
    chmodSync(program, 0o755);
    const env = { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force' };
    return { env, asked: () => (existsSync(note) ? readFileSync(note, 'utf8') : '') };
  }

  it.each([
    ['yes', 'exit 0', true],
    ['no', 'exit 1', false],
    ['nothing', 'exec sleep 60', false],
  ])('that must be confirmed is asked about; the answer is %s', async (name, answer, isSigned) => {
    const { env, asked } = makeDialog(`dialog-${name}`, answer);
    const policy = { commitSigning: 'confirm', confirmTimeoutMs: 1_500 } as const;
    const asking = await scene.lend({ policy, mayAsk: true, env });
    expect(await commit(asking)).toBe(isSigned);
    expect(asked()).toMatch(/^confirm: demo asks to sign a git commit or tag with your key SHA256:.*\?\n$/);
    expect(asking.told().map(({ reason }) => reason)).toEqual(isSigned ? [] : ['denied']);
    await asking.end();
  });

  it('that must be confirmed where nobody can be asked is refused', async () => {
    const { env, asked } = makeDialog('dialog-unused', 'exit 0');
    const unasked = await scene.lend({ policy: { commitSigning: 'confirm' }, mayAsk: false, env });
    expect(await commit(unasked)).toBe(false);
    expect(asked()).toBe('');
    await unasked.end();
  });
});

describe('a login that must be confirmed', () => {
  it('is asked about once for each host, user and key', async () => {
    const program = join(scene.ssh.folder, 'dialog-logins');
    writeFileSync(program, `#!/bin/sh\necho "$1" >>'${program}.asked'\n`);
    chmodSync(program, 0o755);
    const asking = await scene.lend({
      policy: { confirm: 'first-use', destinations: [scene.destination({ users: ['git', 'admin'] })] },
      mayAsk: true,
      env: { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force' },
    });
    for (const host of ['admin@forge', 'admin@forge']) expect(await asking.canLogIn([host])).toBe(true);
    expect(await asking.run('dev', ['git', 'ls-remote', 'forge:lib.git'])).toEqual(done);
    const questions = readFileSync(`${program}.asked`, 'utf8').trim().split('\n');
    expect(questions.map((line) => /log in to (\S+ as \S+) with/.exec(line)?.[1])).toEqual([
      'forge as admin',
      'forge as git',
    ]);
    await asking.end();
  });
});

/** A session in a terminal of its own, in which the machine logs in to the forge; types an answer when it is asked. */
async function typeAnswer(answer: string | null): Promise<string> {
  const policy = { confirm: 'always', confirmTimeoutMs: 2_000 } as const;
  const forge = scene.destination({ users: ['admin'] });
  const argv = ['ssh', 'admin@forge', 'echo', 'in', 'there'];
  const work = scene.work({ policy: { ...policy, destinations: [forge] }, mayAsk: true, argv, tty: true });
  const file = join(scene.ssh.folder, 'work.json');
  writeFileSync(file, JSON.stringify(work));
  const command = `exec '${process.execPath}' '${sessionProgram}' "$(cat '${file}')"`;
  const env = { ...process.env, SSH_AUTH_SOCK: scene.agent.socketPath, SSH_ASKPASS: '' };
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: 'pipe', env });
  let shown = '';
  for await (const chunk of child.stdout) {
    const wasAsked = shown.includes('type yes');
    shown += String(chunk);
    if (!wasAsked && shown.includes('type yes') && answer !== null) child.stdin.write(answer);
  }
  return shown;
}

describe('a login that must be confirmed on the terminal of the session', () => {
  it.each([
    ['yes', 'yes\r', true, 'allowed'],
    ['a single letter', 'y\r', false, 'refused'],
    ['Ctrl-C', '\x03', false, 'not answered: refused'],
    ['nothing', null, false, 'not answered: refused'],
  ])('is asked about there; the answer is %s', async (_, answer, isIn, outcome) => {
    const shown = await typeAnswer(answer);
    expect(shown).toMatch(/spuff: demo asks to log in to forge as admin with your key SHA256:\S+\.\r\n/);
    expect(shown).toContain(`spuff: ${outcome}\r\n`);
    expect(shown.includes('in there')).toBe(isIn);
  });
});

describe('a client that never says where it goes', () => {
  const clients: ReadonlyArray<readonly [string, (port: number) => string[]]> = [
    [
      'on libssh2 (curl)',
      (port) => ['curl', '-sSk', '--max-time', '20', '-u', 'admin:', `sftp://127.0.0.1:${port}/~/`],
    ],
    ['dropbear', (port) => ['dbclient', '-y', '-y', '-p', `${port}`, 'admin@127.0.0.1', 'true']],
  ];
  it.each(clients)('%s is refused, and the person is told what to change', async (_, command) => {
    const argv = command(scene.forge.port);
    expect(await raw.run('dev', argv)).toEqual(done);
    const before = session.told().length;
    expect((await session.run('dev', argv)).status).not.toBe(0);
    const told = session.told().slice(before);
    expect(told.map(({ reason }) => reason)).toContain('unbound');
    expect(told.map(describeRefusal)[0]?.hint).toContain('CARGO_NET_GIT_FETCH_WITH_CLI=true');
  });
});
