import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProcessResult } from '../../src/lib/process.ts';
import { activityResponse } from '../../src/protocol/activity-schema.ts';
import { statusResponse } from '../../src/protocol/response-schemas.ts';
import { AgentMachine, until } from './agent-machine.ts';
import { BootScene } from './boot-machine.ts';
import { awaitEnd, disturb, holdUntilDeadline, idleTimeoutMs, readOff, workOn } from './idle-machines.ts';

const scene = new BootScene();
let agent: AgentMachine;
/** A machine past its deadline from the start: it gets two minutes, in which the other tests run. */
let overdue: AgentMachine;
let session: Promise<ProcessResult>;
/** A machine that nobody uses: an editor is connected, its agent is killed again and again, and its hook never ends. */
let idle: AgentMachine;
/** One that works by itself, and one that is only held: what they do goes on while the other tests run. */
let busy: AgentMachine;
let held: AgentMachine;
let work: ReturnType<typeof workOn>;
let hold: ReturnType<typeof holdUntilDeadline>;

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000);

beforeAll(async () => {
  const login = await scene.makeLoginKey('login');
  overdue = await AgentMachine.start(scene, login, { deadline: inSeconds(3_600), idleTimeoutMs: null });
  session = overdue.machine.ssh('dev', ['sleep', '600'], {
    sshArgs: ['-tt', '-o', 'BatchMode=yes'],
    timeoutMs: 600_000,
  });
  await until(async () => {
    const { signals } = activityResponse.parse(await overdue.get('/activity'));
    return signals.sessions.count === 1;
  });
  const start = () => AgentMachine.start(scene, login, { deadline: null, idleTimeoutMs });
  [idle, busy, held] = await Promise.all([start(), start(), start()]);
  work = workOn(busy);
  hold = holdUntilDeadline(held);
  const hook = '#!/bin/sh\nid -un; pwd\ntrap "" TERM\nwhile :; do sleep 1; done\n';
  await idle.machine.ok(['sh', '-c', 'cat >/etc/spuff/pre-down && chmod 755 /etc/spuff/pre-down'], {
    stdin: hook,
  });
  await idle.install({ preDownSeconds: 2 });
  void disturb(idle);
  agent = await AgentMachine.start(scene, login);
});
afterAll(async () => {
  idle?.closeTunnel();
  busy?.closeTunnel();
  held?.closeTunnel();
  agent?.closeTunnel();
  overdue?.closeTunnel();
  await scene.remove();
});

describe('a lease', () => {
  it('is kept over a restart of the agent, and changed in place', async () => {
    await overdue.machine.ok(['systemctl', 'restart', 'spuff-agent.service']);
    expect(activityResponse.parse(await overdue.get('/activity')).next?.what).toBe('warning');
    const deadline = inSeconds(-60);
    await overdue.install({ lease: { deadline, idleTimeoutMs: null } });
    const { lease, next } = activityResponse.parse(await overdue.get('/activity'));
    expect(Math.floor(Date.parse(lease.deadline ?? '') / 1_000)).toBe(Math.floor(deadline.getTime() / 1_000));
    expect(next).toMatchObject({ what: 'power-off', why: 'the lease is over' });
    expect(Date.parse(next?.at ?? '')).toBeGreaterThan(Date.now());
  });
});

describe('a damaged lease', () => {
  const lease = '/etc/spuff/agent.json';

  it.each([
    ['emptied', ['truncate', '-s', '0', lease]],
    ['removed', ['rm', lease]],
  ])('that is %s lifts no deadline, not after a restart either, and is said', async (_how, damage) => {
    const deadline = new Date((Math.floor(Date.now() / 1_000) + 7_200) * 1_000);
    await agent.install({ lease: { deadline, idleTimeoutMs: null } });
    expect(statusResponse.parse(await agent.get('/status')).problems).toEqual([]);
    await agent.machine.ok(damage);
    for (const restart of [false, true]) {
      if (restart) await agent.machine.ok(['systemctl', 'restart', 'spuff-agent.service']);
      const { lease, problems } = statusResponse.parse(await agent.get('/status'));
      expect(lease.deadline).toBe(deadline.toISOString());
      expect(problems.join()).toContain('the lease that was last known goes on');
    }
    await agent.install();
    expect(statusResponse.parse(await agent.get('/status'))).toMatchObject({
      lease: { deadline: null },
      problems: [],
    });
  });

  it('is not made by a disk that is full', async () => {
    const { machine } = agent;
    const before = await machine.ok(['cat', lease]);
    await machine.ok(['sh', '-c', 'mount -t tmpfs -o size=64k full /mnt && cp -a /etc/spuff/. /mnt']);
    await machine.ok(['sh', '-c', 'mount --move /mnt /etc/spuff || mount --bind /mnt /etc/spuff']);
    await machine.ok(['sh', '-c', 'cat /dev/zero >/etc/spuff/fill 2>/dev/null || true']);
    const change = agent.install({ lease: { deadline: inSeconds(3_600), idleTimeoutMs: null } });
    await expect(change).rejects.toThrow('/etc/spuff/agent.json could not be written');
    expect(await machine.ok(['cat', lease])).toBe(before);
    expect(await machine.ok(['ls', '/etc/spuff'])).not.toContain('.new');
    await machine.ok(['sh', '-c', 'umount /etc/spuff; umount /mnt 2>/dev/null || true']);
    await agent.install();
  });
});

describe('the sandbox', () => {
  it('can execute nothing but the runtime and its libraries, and those it can not change', async () => {
    const folder = '/etc/systemd/system/spuff-agent.service.d';
    const pid = await agent.machine.ok(['systemctl', 'show', '-p', 'MainPID', '--value', 'spuff-agent']);
    const mounts = (await agent.machine.ok(['cat', `/proc/${pid.trim()}/mountinfo`]))
      .trim()
      .split('\n')
      .map((line) => ({ at: line.split(' ')[4] ?? '', flags: line.split(' ')[5]?.split(',') ?? [] }));
    const executable = mounts.filter(({ at, flags }) => !flags.includes('noexec') && !/^\/dev\//.test(at));
    expect(executable.filter(({ flags }) => !flags.includes('ro'))).toEqual([]);
    expect(
      executable.map(({ at }) => at).filter((at) => !/^\/usr\/lib(64|\/)/.test(at) && !/^\/etc\//.test(at)),
    ).toEqual([]);
    for (const program of ['/usr/bin/true', '/lib64/ld-linux-x86-64.so.2 /usr/bin/true']) {
      const dropIn = `mkdir -p ${folder}; printf '[Service]\\nExecStartPre=${program}\\n' >${folder}/try.conf`;
      await agent.machine.ok(['sh', '-c', `${dropIn}; systemctl daemon-reload`]);
      expect((await agent.machine.run(['systemctl', 'restart', 'spuff-agent'])).exitCode).not.toBe(0);
      await agent.machine.ok(['sh', '-c', `rm -r ${folder}; systemctl daemon-reload`]);
    }
    await agent.machine.ok(['systemctl', 'restart', 'spuff-agent']);
    const reason = await agent.machine.ok(['journalctl', '-b', '-u', 'spuff-agent', '--no-pager']);
    expect(reason).toContain('status=203/EXEC');
    expect(await agent.get('/status')).toMatchObject({ problems: [] });
  });
});

describe('installing', () => {
  it('is one round trip where the runtime is there, two where it is not, and nothing when nothing has changed', async () => {
    const { machine } = agent;
    const startedAt = () =>
      machine.ok(['systemctl', 'show', '-p', 'ActiveEnterTimestampMonotonic', 'spuff-agent']);
    const before = await startedAt();
    expect(await agent.install()).toEqual([0]);
    expect(await startedAt()).toBe(before);
    await machine.ok(['sh', '-c', 'rm -r /usr/lib/spuff/runtime/*']);
    expect(await agent.install()).toEqual([90, 0]);
    expect(await agent.get('/health')).toMatchObject({ protocol: 1 });
    expect((await machine.ok(['ls', '-A', '/usr/lib/spuff/agent'])).trim().split('\n')).toHaveLength(2);
  });

  it('refuses what arrives damaged, and leaves what works', async () => {
    await expect(agent.install({ bundleSha256: 'a'.repeat(64) })).rejects.toThrow(
      'the bundle arrived damaged',
    );
    await expect(agent.install({ runtimeSha256: 'b'.repeat(64) })).rejects.toThrow(
      'the runtime arrived damaged',
    );
    await agent.machine.ok(['systemctl', 'restart', 'spuff-agent.service']);
    expect(await agent.get('/health')).toMatchObject({ protocol: 1 });
    const left = await agent.machine.ok(['ls', '-A', '/usr/lib/spuff/agent', '/usr/lib/spuff/runtime']);
    expect(left).not.toContain('.new');
    expect(left).not.toContain('bbbb');
  });

  it('restarts the agent when its token or version changes, and removes the old version', async () => {
    expect(await agent.install({ tokenSha256: 'c'.repeat(64) })).toEqual([0]);
    expect((await agent.call({ path: '/status' })).status).toBe(401);
    expect(await agent.install({ version: '9.9.9' })).toEqual([0]);
    expect(await agent.get('/status')).toMatchObject({ problems: [] });
    const folders = (await agent.machine.ok(['ls', '/usr/lib/spuff/agent'])).trim().split('\n');
    expect(folders).toEqual([expect.stringMatching(/^9\.9\.9-/), 'current']);
  });

  it('follows a change of the units, and one of the sockets', async () => {
    const unit = '/etc/systemd/system/spuff-agent.socket';
    await agent.machine.ok(['sh', '-c', `sed -i s/0660/0666/ ${unit}; systemctl daemon-reload`]);
    await agent.machine.ok([
      'sh',
      '-c',
      'systemctl stop spuff-agent.service; systemctl restart spuff-agent.socket',
    ]);
    expect(await agent.machine.ok(['stat', '-c', '%a', '/run/spuff/agent.sock'])).toBe('666\n');
    await agent.install();
    expect(await agent.machine.ok(['stat', '-c', '%a', '/run/spuff/agent.sock'])).toBe('660\n');
    expect(await agent.get('/status')).toMatchObject({ problems: [] });
  });

  it('follows a change of a unit that only another one starts', async () => {
    const unit = 'spuff-poweroff.service';
    const loaded = () => agent.machine.ok(['systemctl', 'show', '-p', 'Description', '--value', unit]);
    const today = await loaded();
    const write = `sed -i 's/^Description=.*/Description=of an older version/' /etc/systemd/system/${unit}`;
    await agent.machine.ok(['sh', '-c', `${write}; systemctl daemon-reload`]);
    expect(await loaded()).toBe('of an older version\n');
    await agent.install();
    expect(await loaded()).toBe(today);
    expect(await agent.machine.ok(['systemctl', 'is-active', 'spuff-poweroff.path'])).toBe('active\n');
  });

  it('keeps a planned power-off over restarts of the agent, and a reboot forgets it', async () => {
    await agent.post('/shutdown', { reason: 'later', delaySeconds: 3_600 });
    await agent.machine.ok(['systemctl', 'restart', 'spuff-agent.service']);
    await agent.machine.ok(['systemctl', 'kill', '-s', 'KILL', 'spuff-agent.service']);
    await agent.machine.ok([
      'sh',
      '-c',
      'systemctl stop spuff-agent.service; systemctl start spuff-agent.service',
    ]);
    const status = statusResponse.parse(await agent.get('/status'));
    expect(status.shutdown?.reason).toBe('later');
    expect(status.problems).toEqual([]);
  });

  it('is still there after a reboot', async () => {
    await agent.machine.reboot();
    await agent.openTunnel();
    const status = statusResponse.parse(await agent.get('/status'));
    expect(status.problems).toEqual([]);
    expect(status.shutdown).toBeNull();
    expect(Date.parse(status.machine.bootedAt ?? '')).toBeGreaterThan(Date.now() - 120_000);
  });

  it('serves the Unix socket also when somebody else has the port', async () => {
    const listen =
      'import socket,time; s=socket.create_server(("127.0.0.1",7575)); print("up", flush=True); time.sleep(600)';
    await agent.machine.ok(['sh', '-c', 'systemctl stop spuff-agent.service spuff-agent-tcp.socket']);
    await agent.machine.ok(['systemd-run', '--quiet', '--unit=squatter', 'python3', '-c', listen]);
    await until(
      async () => (await agent.machine.run(['sh', '-c', 'ss -Hltn | grep -q :7575'])).exitCode === 0,
    );
    await agent.machine.ok(['systemctl', 'start', 'spuff-agent.service']);
    expect(statusResponse.parse(await agent.get('/status')).problems.join()).toContain('7575');
  });
});

describe('the end of a machine', () => {
  it('comes when nobody uses it, whatever is connected, is killed, or does not want to end', async () => {
    expect(await awaitEnd(idle)).toBe('exited');
    expect(await readOff(idle, '/var/log/spuff-pre-down.log')).toBe('dev\n/home/dev\n');
  });

  it('does not come while it is held, but at the deadline all the same', async () => {
    expect(await hold).toEqual({ held: true, end: 'exited' });
  });

  it('does not come while it builds in bursts, or carries traffic', async () => {
    expect(await work).toEqual({
      build: expect.arrayContaining(['processes']),
      traffic: ['network'],
    });
  });

  it('comes when it is asked for: the agent, which may do nothing, has systemd power off', async () => {
    await agent.post('/shutdown', { reason: 'the test is over', delaySeconds: 1 });
    expect(statusResponse.parse(await agent.get('/status')).shutdown?.reason).toBe('the test is over');
    expect(await awaitEnd(agent)).toBe('exited');
  });

  it('comes at the deadline, with a warning at each terminal before', async () => {
    expect(await awaitEnd(overdue)).toBe('exited');
    expect((await session).stdout).toMatch(
      /\*\*\* spuff: this machine powers off in .*: the lease is over\./,
    );
  });
});
