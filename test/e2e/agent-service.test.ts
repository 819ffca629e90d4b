import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentUnitFiles } from '../../src/bootstrap/agent-units.ts';
import { forwardedAgentFolder, forwardedAgentPath } from '../../src/bootstrap/forwarded-agent.ts';
import { activityResponse } from '../../src/protocol/activity-schema.ts';
import {
  cloudInitResponse,
  execLogResponse,
  execResponse,
  healthResponse,
  logsResponse,
  metricsResponse,
  processesResponse,
  statusResponse,
} from '../../src/protocol/response-schemas.ts';
import { AgentMachine, until } from './agent-machine.ts';
import { BootScene } from './boot-machine.ts';

const scene = new BootScene();
let agent: AgentMachine;

beforeAll(async () => {
  agent = await AgentMachine.start(scene, await scene.makeLoginKey('login'));
});
afterAll(async () => {
  agent?.closeTunnel();
  await scene.remove();
});

const exec = async (body: object) => execResponse.parse(await agent.post('/exec', body));

describe('the service', () => {
  it('is exposed no more than 2.0 by systemd’s own measure', async () => {
    const report = JSON.parse(
      await agent.machine.ok([
        'systemd-analyze',
        'security',
        '--json=short',
        '--no-pager',
        'spuff-agent.service',
      ]),
    ) as { set: boolean; exposure: string | null }[];
    expect(report.length).toBeGreaterThan(50);
    const overall = await agent.machine.ok([
      'systemd-analyze',
      'security',
      '--no-pager',
      'spuff-agent.service',
    ]);
    const level = Number(/Overall exposure level for spuff-agent\.service: ([\d.]+)/.exec(overall)?.[1]);
    expect(level).toBeGreaterThan(0);
    expect(level).toBeLessThanOrEqual(2);
  });

  it('has no privilege: no capability, no root, no way to get one, no network of its own, nothing to write', async () => {
    const pid = (
      await agent.machine.ok(['systemctl', 'show', '-p', 'MainPID', '--value', 'spuff-agent'])
    ).trim();
    const status = await agent.machine.ok(['cat', `/proc/${pid}/status`]);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect(status).toMatch(new RegExp(`^${set}:\\s+0000000000000000$`, 'm'));
    }
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    expect(status).not.toMatch(/^Uid:.*\b0\b/m);
    // Its own namespace has a loopback and nothing else; the sockets it serves were opened in the machine's.
    const interfaces = (await agent.machine.ok(['cat', `/proc/${pid}/net/dev`])).match(/^ *\w+(?=:)/gm);
    expect(interfaces?.map((name) => name.trim())).toEqual(['lo']);
    const writable = await agent.machine.ok(['cat', `/proc/${pid}/mountinfo`]);
    const open = writable
      .split('\n')
      .filter((line) => / rw[, ]/.test(line.split(' - ')[0] ?? ''))
      .map((line) => line.split(' ')[4] ?? '')
      .filter((mount) => !/^\/(proc|dev|sys)(\/|$)/.test(mount));
    expect(open.sort()).toEqual(expect.arrayContaining(['/run/spuff-agent', '/var/log/spuff']));
    expect(open).not.toContain('/');
    expect(open.filter((mount) => /^\/(etc|usr|home|root|boot)/.test(mount))).toEqual([]);
  });

  it('needs the network of the machine for nothing, and still shows its counters', async () => {
    const { network, disks, memory, cpu } = metricsResponse.parse(await agent.get('/metrics'));
    expect(network?.map(({ name }) => name)).toContain('eth0');
    expect(network?.find(({ name }) => name === 'eth0')?.receivedBytes).toBeGreaterThan(1_000);
    expect(disks.map(({ mount }) => mount)).toContain('/');
    expect(memory.totalBytes).toBeGreaterThan(memory.availableBytes);
    expect(cpu.cores).toBeGreaterThan(0);
  });

  it('shows the machine: its processes and their owners, its first boot, its logs', async () => {
    const { processes } = processesResponse.parse(await agent.get('/processes?limit=200'));
    const owner = (name: string) => processes.find((process) => process.command.includes(name))?.user;
    expect(owner('systemd')).toBe('root');
    expect(owner('agent.cjs serve')).toBe('spuff-agent');
    expect(cloudInitResponse.parse(await agent.get('/cloud-init'))).toMatchObject({
      status: 'done',
      errors: [],
    });
    const { files } = logsResponse.parse(await agent.get('/logs'));
    expect(files?.map(({ file }) => file)).toContain('/var/log/cloud-init.log');
    const { content } = logsResponse.parse(await agent.get('/logs?file=cloud-init.log&lines=5'));
    expect(content?.lines).toHaveLength(5);
    expect(statusResponse.parse(await agent.get('/status'))).toMatchObject({ user: 'dev', problems: [] });
  });

  it('reads no log that its user may not, and nothing through a link that root made', async () => {
    await agent.machine.ok([
      'sh',
      '-c',
      'install -m 600 /dev/null /var/log/secret.log; ln -s /etc/shadow /var/log/link.log; ' +
        'install -m 644 /dev/null /var/log/hard.log; ln /var/log/hard.log /var/log/hard-too.log',
    ]);
    const { files } = logsResponse.parse(await agent.get('/logs'));
    for (const { file } of files ?? []) expect(file).not.toMatch(/secret|link|hard|btmp/);
    for (const file of ['secret.log', 'link.log', 'hard.log', '../../etc/passwd', '/etc/shadow']) {
      const { status } = await agent.call({ path: `/logs?file=${encodeURIComponent(file)}` });
      expect(status, file).toBe(403);
    }
  });

  it('has units of which systemd understands every line', async () => {
    const files = agentUnitFiles.map((name) => `/etc/systemd/system/${name}`);
    const { stdout, stderr, exitCode } = await agent.machine.run([
      'systemd-analyze',
      'verify',
      '--man=no',
      ...files,
    ]);
    const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('spuff'));
    expect(said).toEqual([]);
    expect(exitCode).toBe(0);
  });

  it('is back after any number of crashes, without losing its sockets', async () => {
    for (let crash = 0; crash < 8; crash++) {
      await agent.machine.ok(['systemctl', 'kill', '-s', 'KILL', 'spuff-agent.service']);
      await agent.get('/health');
    }
    expect(healthResponse.parse(await agent.get('/health')).uptimeSeconds).toBeLessThan(10);
    expect((await agent.machine.ok(['systemctl', 'is-active', 'spuff-agent.service'])).trim()).toBe('active');
  });

  it('survives many who read large logs at once', async () => {
    const processId = () =>
      agent.machine.ok(['systemctl', 'show', '-p', 'MainPID', '--value', 'spuff-agent']);
    const line = "head -c 3199 /dev/zero | tr '\\0' '\\001' >/tmp/line; echo >>/tmp/line; ";
    const file = 'for i in $(seq 5000); do cat /tmp/line; done >/var/log/large.log';
    await agent.machine.ok(['sh', '-c', line + file]);
    const before = await processId();
    for (let round = 0; round < 3; round++) {
      const path = '/logs?file=large.log&lines=5000';
      const answers = await Promise.all(Array.from({ length: 24 }, () => agent.call({ path })));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    }
    expect(await processId()).toBe(before);
    await agent.machine.ok(['rm', '/var/log/large.log']);
  });

  it('keeps serving when its log of commands can not be written, says so, and runs none meanwhile', async () => {
    await agent.machine.ok(['mount', '-t', 'tmpfs', '-o', 'size=4k', 'full', '/mnt']);
    await agent.machine.ok(['sh', '-c', 'mkdir -p /etc/systemd/system/spuff-agent.service.d']);
    const dropIn = '[Service]\\nBindPaths=/mnt:/var/log/spuff\\n';
    await agent.machine.ok([
      'sh',
      '-c',
      `printf '${dropIn}' >/etc/systemd/system/spuff-agent.service.d/full.conf`,
    ]);
    await agent.machine.ok([
      'sh',
      '-c',
      'head -c 10000 /dev/zero >/mnt/fill || true; chown spuff-agent /mnt',
    ]);
    await agent.machine.ok(['sh', '-c', 'systemctl daemon-reload; systemctl restart spuff-agent.service']);
    const body = { argv: ['touch', '/tmp/not-written-down'] };
    const refused = await agent.call({ method: 'POST', path: '/exec', body });
    expect([refused.status, refused.text]).toEqual([503, expect.stringContaining('ENOSPC')]);
    expect((await agent.machine.run(['test', '-e', '/tmp/not-written-down'])).exitCode).not.toBe(0);
    expect(statusResponse.parse(await agent.get('/status')).problems.join()).toContain('ENOSPC');
    await agent.machine.ok([
      'sh',
      '-c',
      'rm -r /etc/systemd/system/spuff-agent.service.d; systemctl daemon-reload; systemctl restart spuff-agent; umount /mnt',
    ]);
    expect(await exec({ argv: ['echo', 'again'] })).toMatchObject({ exitCode: 0 });
  });
});

describe('/exec on the machine', () => {
  it('runs as the login user, in its home, outside the sandbox', async () => {
    const look = 'id -un; pwd; echo $HOME; sudo -n id -un; ls /sys/class/net; echo $SSH_AUTH_SOCK';
    const { stdout } = await exec({ argv: ['sh', '-c', `${look}; stat -c %U ${forwardedAgentFolder}`] });
    expect(stdout.text).toBe(`dev\n/home/dev\n/home/dev\nroot\neth0\nlo\n${forwardedAgentPath}\ndev\n`);
  });

  it('never runs as root, whatever connects to the runner', async () => {
    const runner = '/usr/lib/spuff/agent/current';
    const asked = await agent.machine.run([`${runner}/node`, `${runner}/agent.cjs`, 'run'], {
      stdin: '{"argv":["touch","/tmp/by-root"],"cwd":"/","timeoutMs":1000,"maxOutputBytes":10}\n',
    });
    expect(asked.exitCode).toBe(1);
    expect(asked.stderr).toContain('never run as root');
    const runAs = await agent.machine.ok([
      'systemctl',
      'show',
      '-p',
      'User',
      '--value',
      'spuff-exec@x.service',
    ]);
    expect(runAs.trim()).toBe('dev');
  });

  it('can be asked by the agent only, not by the login user', async () => {
    const script = 'import socket; s=socket.socket(socket.AF_UNIX); s.connect("/run/spuff/runner.sock")';
    expect((await agent.machine.run(['python3', '-c', script], { user: 'dev' })).exitCode).not.toBe(0);
    expect((await agent.machine.run(['python3', '-c', script])).exitCode).toBe(0);
  });

  it('ends all that a command has started, also what has left its process group', async () => {
    const argv = ['sh', '-c', 'setsid sleep 4242 & sleep 4343 & echo started; wait'];
    expect(await exec({ argv, timeoutSeconds: 1 })).toMatchObject({
      outcome: 'timed-out',
      stdout: { text: 'started\n' },
    });
    expect(
      await exec({ argv: ['sh', '-c', 'setsid nohup sleep 4444 >/dev/null 2>&1 & echo left'] }),
    ).toMatchObject({ exitCode: 0 });
    await until(async () => (await agent.machine.run(['pgrep', '-f', 'sleep 4[234]'])).exitCode === 1);
    await until(async () => {
      const units = await agent.machine.ok([
        'systemctl',
        'list-units',
        '--plain',
        '--no-legend',
        'spuff-exec@*',
      ]);
      return units === '';
    });
  });

  it('ends at its limits whatever goes on writing, or does not listen', async () => {
    const writing = ['sh', '-c', 'setsid yes spuff-runaway & exit 0'];
    expect(await exec({ argv: writing, timeoutSeconds: 1, maxOutputBytes: 1_000 })).toMatchObject({
      outcome: 'output-limit',
    });
    // Of root, and so beyond the reach of the runner; systemd, which ends it, is root as well.
    const deaf = ['sudo', '-n', 'sh', '-c', 'trap "" TERM; : spuff-deaf; while :; do sleep 0.1; done'];
    expect(await exec({ argv: deaf, timeoutSeconds: 1 })).toMatchObject({ outcome: 'timed-out' });
    // The command has stopped its runner.
    const stopping = ['sh', '-c', 'kill -STOP $PPID; : spuff-stopping; sleep 60'];
    expect(await exec({ argv: stopping, timeoutSeconds: 1 })).toMatchObject({ outcome: 'timed-out' });
    await agent.machine.ok(['pkill', '-CONT', '-f', 'agent.cjs run']);
    await until(
      async () => (await agent.machine.run(['pgrep', '-f', 'spuff-(runaway|deaf|stopping)'])).exitCode === 1,
    );
  });

  it('is written down on the machine, redacted, where only the agent writes', async () => {
    const { id } = await exec({ argv: ['true', 'TOKEN=abcdefgh', 'plain'] });
    const { entries } = execLogResponse.parse(await agent.get('/exec-log?limit=5'));
    expect(entries.find((entry) => entry.id === id)).toMatchObject({
      user: 'dev',
      argv: ['true', 'TOKEN=[redacted]', 'plain'],
    });
    const log = '/var/log/spuff/exec.log';
    expect(await agent.machine.ok(['stat', '-c', '%a %U', log])).toBe('640 spuff-agent\n');
    expect((await agent.machine.run(['sh', '-c', `echo x >>${log}`], { user: 'dev' })).exitCode).not.toBe(0);
    // And in the journal, which the agent has no way to change.
    await until(async () => {
      const journal = await agent.machine.ok(['journalctl', '-u', 'spuff-agent', '-o', 'cat', '--no-pager']);
      return (
        journal.split('\n').filter((line) => line.startsWith('exec {') && line.includes(id)).length === 2
      );
    });
    const change = `for f in /var/log/journal/*/* /run/log/journal/*/*; do [ -e "$f" ] && setpriv --reuid=spuff-agent --regid=spuff-agent --groups=adm sh -c 'echo >>"$0"' "$f" && exit 0; done; exit 1`;
    expect((await agent.machine.run(['sh', '-c', change])).exitCode).toBe(1);
  });
});

describe('/activity on the machine', () => {
  it('sees a terminal, who is at it and when a key was pressed', async () => {
    const before = activityResponse.parse(await agent.get('/activity'));
    expect(before.signals.sessions.count).toBe(0);
    const session = agent.machine.ssh('dev', ['sleep', '3'], { sshArgs: ['-tt', '-o', 'BatchMode=yes'] });
    await until(async () => {
      const { signals } = activityResponse.parse(await agent.get('/activity'));
      return signals.sessions.count === 1;
    });
    const { signals } = activityResponse.parse(await agent.get('/activity'));
    expect(signals.sessions.items[0]).toMatchObject({ user: 'dev', terminal: 'pts/0' });
    expect(signals.sessions.items[0]?.lastInputAt).not.toBeNull();
    await session;
    await until(async () => {
      const after = activityResponse.parse(await agent.get('/activity'));
      return after.signals.sessions.count === 0 && after.signals.sessions.lastChangeAt !== null;
    });
  });
});
