import { afterAll, describe, expect, it } from 'vitest';
import { firstBootReportPath } from '../../src/bootstrap/hardening-scripts.ts';
import { hashAgentToken, makeAgentToken } from '../../src/lib/agent-token.ts';
import { BootScene } from '../e2e/boot-machine.ts';

// L4: what a snapshot brings along lets nobody in, and speaks for nobody.
describe('a machine from a snapshot', () => {
  const scene = new BootScene();
  afterAll(() => scene.remove());

  it('forgets who could get into the one it was taken of, and keeps their work', async () => {
    const login = await scene.makeLoginKey('former');
    const former = await scene.boot(login);
    const leftovers = [
      'cp /home/dev/.ssh/authorized_keys /home/dev/.ssh/authorized_keys2',
      'mkdir -p /root/.ssh /var/log/spuff /var/lib/spuff; cp /home/dev/.ssh/authorized_keys /root/.ssh/',
      'echo secret >/var/log/spuff/exec.log; echo lease >/etc/spuff/agent.json; echo work >/home/dev/work',
      'printf "[Service]\\nExecStart=/bin/sleep 9999\\n[Install]\\nWantedBy=multi-user.target\\n" >/etc/systemd/system/spuff-agent.service',
      'systemctl -q enable --now spuff-agent.service',
      'cp /etc/systemd/system/spuff-agent.service /etc/systemd/system/spuff-forwarded-agent.service',
      'systemctl -q enable spuff-forwarded-agent.service',
      'ln -s /tmp/gone /run/spuff/ssh/agent.sock',
      'mkdir -p /var/lib/tailscale; echo privkey:former >/var/lib/tailscale/tailscaled.state',
    ].join('\n');
    await former.ok(['sh', '-e', '-c', leftovers]);
    const hostKey = await former.ok(['cat', '/etc/ssh/ssh_host_ed25519_key.pub']);
    const image = await scene.snapshot(former);

    const token = makeAgentToken();
    const heir = await scene.makeLoginKey('heir');
    const next = await scene.boot(heir, {
      image,
      user: 'ana',
      hostName: 'second',
      agentTokenSha256: hashAgentToken(token),
    });
    expect(await next.ok(['systemctl', 'is-system-running'])).toBe('running\n');
    expect(await next.ok(['cat', firstBootReportPath])).toBe('ok\n');

    expect(await next.ssh('ana', ['sudo', '-n', 'hostname'])).toMatchObject({
      exitCode: 0,
      stdout: 'second\n',
    });
    for (const user of ['dev', 'root', 'ana']) {
      expect(await next.ssh(user, ['true'], { key: login })).toMatchObject({ exitCode: 255 });
    }
    expect(
      await next.ok([
        'sh',
        '-c',
        'cat /root/.ssh/authorized_keys* /home/dev/.ssh/authorized_keys* 2>/dev/null; true',
      ]),
    ).toBe('');
    expect(await next.run(['test', '-e', '/var/lib/tailscale'])).toMatchObject({ exitCode: 1 });
    expect(await next.ok(['cat', '/etc/ssh/ssh_host_ed25519_key.pub'])).not.toBe(hostKey);
    expect(await next.ok(['cat', '/etc/spuff/agent.env'])).toBe(
      `SPUFF_AGENT_TOKEN_SHA256=${hashAgentToken(token)}\n`,
    );
    expect((await next.run(['sudo', '-n', 'true'], { user: 'dev' })).exitCode).not.toBe(0);
    expect(
      await next.ok([
        'sh',
        '-c',
        'ls -d /var/log/spuff /var/lib/spuff /etc/spuff/agent.json 2>/dev/null; true',
      ]),
    ).toBe('');
    expect((await next.run(['systemctl', 'is-active', 'spuff-agent.service'])).stdout).toBe('inactive\n');
    // The firewall is this machine's own, and so is the unit by which a local machine tells that it went off by itself.
    const units = (
      await next.ok(['find', '/etc/systemd/system', '-name', 'spuff-*', '-printf', '%f\\n'])
    ).trim();
    expect(new Set(units.split('\n'))).toEqual(
      new Set(['spuff-firewall.service', 'spuff-off-by-itself.service']),
    );
    expect(await next.ok(['find', '/run/spuff/ssh', '-printf', '%u %m %p\\n'])).toBe(
      'ana 700 /run/spuff/ssh\n',
    );
    expect(await next.ok(['cat', '/home/dev/work'])).toBe('work\n');
  });
});
