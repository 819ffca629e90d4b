import { describe, expect, it } from 'vitest';
import { parseProcessStat } from './proc-files.ts';
import { classifyProcess, type ProcessFacts } from './process-kind.ts';

const hex = '0123456789abcdef'.repeat(4);

/** A process of the login user in a login, unless told otherwise. */
function classify(change: Partial<ProcessFacts> & { name?: string; pid?: number; terminal?: number } = {}) {
  const { name = 'node', pid = 100, terminal = 0, ...facts } = change;
  const stat = parseProcessStat(
    `${pid} (${name}) S 1 ${pid} ${pid} ${terminal} -1 ${'0 '.repeat(15)}4096 100`,
  );
  if (stat === null) throw new TypeError('a stat must parse');
  return classifyProcess({
    ...{ stat, userId: 1_000, command: name, parentKind: 'session' },
    cgroup: '0::/user.slice/user-1000.slice/session-1.scope',
    ...facts,
  });
}

describe('classifyProcess', () => {
  it.each([
    ['0::/user.slice/user-1000.slice/session-1.scope', 'user'],
    ['0::/system.slice/ssh.service', 'user'],
    ['0::/system.slice/run-u7.service', 'user'],
    ['0::/system.slice/cron.service', 'user'],
    [`0::/system.slice/docker-${hex}.scope`, 'container'],
    [`0::/docker/${hex}`, 'container'],
    [`9:name=systemd:/docker/${hex}\n0::/`, 'container'],
    [`0::/machine.slice/libpod-${hex}.scope/container`, 'container'],
    [`0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${hex}.scope`, 'container'],
    [`0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-${hex}.scope`, 'container'],
    [`0::/default/${hex}`, 'container'],
    ['0::/system.slice/system-spuff\\x2dexec.slice/spuff-exec@3-1.service', 'system'],
    ['0::/system.slice/spuff-pre-down.service', 'system'],
  ])('takes what the login user runs in %s for %s', (cgroup, kind) =>
    expect(classify({ cgroup })).toBe(kind),
  );

  it.each([
    ['0::/system.slice/apt-daily-upgrade.service', 'system'],
    ['0::/system.slice/systemd-journald.service', 'system'],
    ['0::/system.slice/cloud-final.service', 'system'],
    ['0::/init.scope', 'system'],
    ['0::/system.slice/docker.service', 'other'],
    ['0::/system.slice/postgresql.service', 'other'],
    ['0::/system.slice/run-u7.service', 'other'],
    ['0::/user.slice/user-1000.slice/session-1.scope', 'user'],
    ['0::/system.slice/ssh.service', 'user'],
  ])('takes what root runs in %s for %s', (cgroup, kind) =>
    expect(classify({ cgroup, userId: 0 })).toBe(kind),
  );

  it('takes a program at a terminal for the user’s, whoever it runs as', () => {
    expect(classify({ terminal: 136 << 8, userId: 0, cgroup: '0::/' })).toBe('user');
  });

  it('knows what a login brings, and who has not logged in yet', () => {
    for (const name of ['sshd', 'sshd-session', 'systemd', '(sd-pam)', 'dbus-daemon', 'ssh-agent'])
      expect(classify({ name })).toBe('session');
    expect(classify({ name: 'sshd-auth', userId: 0, cgroup: '0::/system.slice/ssh.service' })).toBe('system');
  });

  it('knows an editor’s half and its helpers, but not its terminals', () => {
    expect(
      classify({ command: '/home/dev/.vscode-server/cli/servers/x/server/node out/server-main.js' }),
    ).toBe('editor');
    expect(classify({ command: 'node tsserver.js', parentKind: 'editor' })).toBe('editor');
    expect(classify({ command: 'bash', parentKind: 'editor', terminal: 136 << 8 })).toBe('user');
    expect(classify({ command: 'vim .vscode/settings.json' })).toBe('user');
  });
});
