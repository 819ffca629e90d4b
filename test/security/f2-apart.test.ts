/** F2: guards know nothing of each other, nobody else reaches one, and the user's agent may be any. */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGuardLog } from '../../src/app/guard-log.ts';
import type { GuardDestination } from '../../src/domain/guard.ts';
import type { SshTarget } from '../../src/domain/ssh.ts';
import { makeAuditScene } from '../fakes/sample-audit.ts';
import { connectAgent } from '../guard/agent-client.ts';
import { type Bind, decodeBind, encodeBind, keyBlob, message } from '../guard/agent-wire.ts';
import { GuardScene, type LentSession } from '../guard/guard-scene.ts';
import { startTamperingAgent } from '../guard/tampering-agent.ts';
import { UserAgent } from '../guard/user-agent.ts';
import type { LoopbackMachine } from '../loopback/machine.ts';

let scene: GuardScene;
beforeAll(async () => {
  scene = new GuardScene();
  await scene.start();
});
afterAll(() => scene.remove());

describe('of two machines', () => {
  let to: { machine: LoopbackMachine; target: SshTarget };
  let first: LentSession;
  let second: LentSession;
  beforeAll(async () => {
    to = await scene.ssh.startPinned({ sshdConfig: 'SetEnv LENT=yes' });
    scene.nameHosts(to.machine);
    const other = { name: 'other', users: ['admin'], hostKeys: [scene.other.hostPublicKey()], plain: false };
    first = await scene.lend();
    second = await scene.lend({ to, policy: { keys: [['kept']], destinations: [other] } });
  });
  afterAll(async () => {
    await first.end();
    await second.end();
  });

  it('each has the policy of its own session', async () => {
    const keyOf = async (session: LentSession) => {
      const agent = await connectAgent(session.socketPath);
      const [key] = await agent.list();
      agent.close();
      return key?.blob;
    };
    expect(await keyOf(first)).toEqual(keyBlob(scene.lentKey));
    expect(await keyOf(second)).toEqual(keyBlob(scene.keptKey));
    expect(await first.canLogIn(['admin@other'])).toBe(false);
    expect(await second.canLogIn(['admin@other'])).toBe(true);
  });

  it('each is told of by its own name and session, and by no other', async () => {
    expect(await second.canLogIn(['admin@forge'])).toBe(false);
    const records = readGuardLog({ audit: makeAuditScene(scene.ssh.home).open() });
    for (const session of [first, second]) {
      const { session: id, instanceKey, signed, refused } = await session.status();
      const own = records.filter((record) => record.session === id);
      expect(own.filter(({ decision }) => decision === 'signed')).toHaveLength(signed);
      expect(own.filter(({ decision }) => decision === 'refused')).toHaveLength(refused);
      expect(new Set(own.map((record) => record.instanceKey))).toEqual(new Set([instanceKey]));
    }
    expect(first.told().map(({ request }) => request.user)).toEqual(['admin']);
  });

  it('one is of no use to the other: that has not the key which a connection must prove', async () => {
    // What ssh says for a connection from the second machine, said to the guard of the first.
    const guard = await connectAgent(await first.guardSocket('g'));
    const binds: Bind[] = [];
    const path = join(scene.ssh.folder, 'recording');
    const recorder = await startTamperingAgent(path, scene.agent.socketPath, (body, agent) => {
      const bind = decodeBind(body);
      if (bind?.forwarding) binds.push(bind);
      return agent.ask(body);
    });
    const lent = await scene.lend({ lend: 'raw', env: { SSH_AUTH_SOCK: path }, to });
    (await connectAgent(lent.socketPath)).close();
    await expect.poll(() => binds.length).toBeGreaterThan(0);
    const [bind] = binds as [Bind];
    expect((await guard.ask(encodeBind(bind)))[0]).toBe(message.extensionFailure);
    expect(await guard.list()).toEqual([]);
    expect(first.told().at(-1)?.reason).toBe('wrong-machine');
    guard.close();
    await lent.end();
    await recorder.close();
  });
});

describe('another user of the computer', () => {
  const script = `require('node:net').connect(process.argv[1])
    .on('connect', () => { console.log('in'); process.exit(); })
    .on('error', (error) => console.log(error.code))`;
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--', process.execPath, '-e', script];
  const connectAsNobody = (path: string) =>
    spawnSync('setpriv', [...nobody, path], { cwd: '/', encoding: 'utf8' }).stdout.trim();

  it('opens neither socket of a guard, whatever the umask is', async () => {
    const umask = process.umask(0);
    const session = await scene.lend();
    const paths = [await session.guardSocket('g'), await session.guardSocket('k')];
    const open = await startTamperingAgent(join(scene.ssh.folder, 'open'), paths[0] ?? '', (body, agent) =>
      agent.ask(body),
    );
    process.umask(umask);
    expect(connectAsNobody(open.socketPath)).toBe('in');
    expect(paths.map(connectAsNobody)).toEqual(['EACCES', 'EACCES']);
    // Also where the home was opened: the folder of the sockets is closed by itself.
    chmodSync(scene.ssh.home, 0o755);
    expect(paths.map(connectAsNobody)).toEqual(['EACCES', 'EACCES']);
    chmodSync(scene.ssh.home, 0o700);
    await open.close();
    await session.end();
  });
});

const toBoth = (): GuardDestination[] => [
  { name: 'forge', users: ['admin'], hostKeys: [scene.forge.hostPublicKey()], plain: false },
  { name: 'other', users: ['admin'], hostKeys: [scene.other.hostPublicKey()], plain: false },
];

describe("the user's own agent", () => {
  it('keeps to what ssh-add -h allowed, which a guard can not widen', async () => {
    const known = join(scene.ssh.folder, 'constraints');
    const hosts = { vm: scene.machine, forge: scene.forge, other: scene.other };
    writeFileSync(
      known,
      Object.entries(hosts)
        .map(([name, host]) => `${name} ${host.hostPublicKey()}\n`)
        .join(''),
    );
    const options = ['-H', known, '-h', 'vm', '-h', 'vm>admin@forge'];
    const key = scene.agent.addKey('constrained', { options });
    for (const host of [scene.forge, scene.other]) letIn(host, key);
    const session = await scene.lend({ policy: { keys: [['constrained']], destinations: toBoth() } });
    expect(await session.canLogIn(['admin@forge'])).toBe(true);
    expect(await session.canLogIn(['admin@other'])).toBe(false);
    await session.end();
    scene.agent.removeKey('constrained');
    // It was the constraint: the same key without one gets in.
    scene.agent.addAgain('constrained');
    const free = await scene.lend({ policy: { keys: [['constrained']], destinations: toBoth() } });
    expect(await free.canLogIn(['admin@other'])).toBe(true);
    await free.end();
    scene.agent.removeKey('constrained');
  });

  it('may be gpg-agent', async () => {
    const home = mkdtempSync('/tmp/spuff-gpg-');
    const gpg = (...args: string[]) =>
      execFileSync('gpg', ['--homedir', home, '--batch', ...args], { encoding: 'utf8', stdio: 'pipe' });
    const conf = (...args: string[]) =>
      execFileSync('gpgconf', ['--homedir', home, ...args], { encoding: 'utf8' }).trim();
    try {
      writeFileSync(join(home, 'gpg-agent.conf'), 'enable-ssh-support\n');
      gpg(
        '--pinentry-mode',
        'loopback',
        '--passphrase',
        '',
        '--quick-generate-key',
        't@example.org',
        'ed25519',
        'auth',
        'never',
      );
      const grip = /^grp:+([0-9A-F]{40}):/m.exec(
        gpg('--with-colons', '--with-keygrip', '--list-secret-keys'),
      )?.[1];
      writeFileSync(join(home, 'sshcontrol'), `${grip} 0\n`);
      const env = { SSH_AUTH_SOCK: conf('--list-dirs', 'agent-ssh-socket') };
      const key = execFileSync('ssh-add', ['-L'], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      }).trim();
      letIn(scene.forge, key);
      letIn(scene.other, key);
      const keys = [[fingerprintOf(key)]];
      const session = await scene.lend({ env, policy: { keys, destinations: toBoth().slice(0, 1) } });
      expect(await session.canLogIn(['admin@forge'])).toBe(true);
      expect(await session.canLogIn(['admin@other'])).toBe(false);
      expect(session.told().map(({ reason }) => reason)).toEqual(['destination']);
      await session.end();
    } finally {
      conf('--kill', 'gpg-agent');
      rmSync(home, { recursive: true, force: true });
    }
  });

  it('may be named by IdentityAgent, with blanks in its path', async () => {
    const agent = new UserAgent(join(scene.ssh.folder, "Some One's Agent"));
    await agent.start();
    const key = agent.addKey('blank');
    letIn(scene.forge, key);
    // ssh finds its configuration by the account: so another ssh stands before it.
    const folder = join(scene.ssh.folder, 'bin');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config'), `Host *\n  IdentityAgent "${agent.socketPath}"\n`);
    const real = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim();
    writeFileSync(join(folder, 'ssh'), `#!/bin/sh\nexec '${real}' -F '${folder}/config' "$@"\n`, {
      mode: 0o755,
    });
    const env = { PATH: `${folder}:${process.env['PATH']}`, SSH_AUTH_SOCK: '' };
    const session = await scene.lend({
      env,
      policy: { keys: [['blank']], destinations: toBoth().slice(0, 1) },
    });
    expect(await session.canLogIn(['admin@forge'])).toBe(true);
    await session.end();
    await agent.stop();
  });
});

function letIn(host: LoopbackMachine, publicKey: string): void {
  appendFileSync(host.path('/home/admin/.ssh/authorized_keys'), `${publicKey}\n`);
}

function fingerprintOf(publicKey: string): string {
  const said = execFileSync('ssh-keygen', ['-lf', '-'], { input: publicKey, encoding: 'utf8' });
  return said.split(' ')[1] ?? '';
}
