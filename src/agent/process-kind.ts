/** Whose a process is. Pure: what the kernel says of it comes in, a kind comes out. */
import { type ProcessStat, pseudoTerminal } from './proc-files.ts';

/**
 * `system`: keeps house, whether anybody is there or not; never a reason to keep a machine on.
 * `user`: was started by a person.
 * `editor`: the half of an editor that runs on the machine, and what it runs without a terminal: indexers, language servers.
 * `session`: what every login has: sshd's end of it, the user's systemd.
 * `container`: inside a container.
 * `other`: a service that somebody has added, such as a database.
 */
export type ProcessKind = 'system' | 'user' | 'editor' | 'session' | 'container' | 'other';

export interface ProcessFacts {
  stat: ProcessStat;
  /** null: not known any more. */
  userId: number | null;
  /** /proc/PID/cgroup. */
  cgroup: string;
  /** Its arguments, as far as they matter. */
  command: string;
  /** null: the parent is not known. */
  parentKind: ProcessKind | null;
}

/** docker, containerd, podman, CRI-O and Kubernetes, with systemd's control groups or their own. */
const containerGroup =
  /(?:docker|libpod|cri-containerd|crio|nerdctl|buildkit|lxc\.payload)[-./:][^\n]*|\/(?:docker|kubepods|containerd|default|buildkit)[^\n]*\/[0-9a-f]{12,64}/;

/** Engines are no containers, and their children that run as services are not either. */
const engineGroup = /\/(?:docker|containerd|podman|buildkit|crio|lxc)\.(?:service|socket)(?:\/|\n|$)/;

const ownGroup = /\/spuff-[^/\n]*\.service/;

/** Units of distributions and clouds that work by themselves. What is not in here counts as somebody's. */
const housekeeping = new RegExp(
  `/(?:init\\.scope|(?:${[
    'systemd-[^/\\n]*|dbus(?:-broker)?|polkit|rsyslog|cron|crond|anacron|atd|getty@[^/\\n]*|serial-getty@[^/\\n]*',
    'apt-[^/\\n]*|unattended-upgrades|packagekit|dnf-[^/\\n]*|snapd[^/\\n]*|update-notifier[^/\\n]*|motd-news',
    'dpkg-db-backup|man-db|logrotate|fstrim|e2scrub[^/\\n]*|plocate-updatedb|fwupd[^/\\n]*|esm-cache|ua-[^/\\n]*',
    'cloud-[^/\\n]*|chrony|chronyd|ntp|ntpsec|networkd-dispatcher|NetworkManager|multipathd|irqbalance|udisks2',
    'qemu-guest-agent|droplet-agent|do-agent|amazon-ssm-agent|snap\\.amazon-ssm-agent[^/\\n]*|hc-utils|google-[^/\\n]*',
    'acpid|haveged|auditd|firewalld|nftables|fail2ban|smartmontools|ModemManager|accounts-daemon|uuidd',
  ].join('|')})\\.service)(?:/|\\n|$)`,
);

const loginGroup = /\/(?:ssh|sshd|ssh@[^/\n]*|sshd@[^/\n]*)\.service(?:\/|\n|$)/;
const userGroup = /\/user\.slice\//;
const daemonOfLogins = /^sshd(?:-session|-auth)?$/;
const sessionNames = new Set([
  ...['(sd-pam)', 'systemd', 'dbus-daemon', 'dbus-broker', 'dbus-broker-lau'],
  ...['ssh-agent', 'gpg-agent', 'keyboxd', 'scdaemon', 'agetty'],
]);

/** VS Code and what is made from it, JetBrains, Zed: where they put their half. */
const editorCommand =
  /[/.](?:vscode|vscode-oss|vscodium|cursor|windsurf|positron|trae)-(?:remote|server)|\/(?:code|openvscode)-server\/|\.zed_server\/|\/JetBrains\/(?:RemoteDev|Toolbox)|remote-dev-server/;

export function classifyProcess(facts: ProcessFacts): ProcessKind {
  const { stat, cgroup, parentKind } = facts;
  if (stat.pid === 1 || isKernelThread(stat)) return 'system';
  if (containerGroup.test(cgroup) && !engineGroup.test(cgroup)) return 'container';
  if (ownGroup.test(cgroup)) return 'system';
  const isPersons = facts.userId !== null && isPerson(facts.userId);
  if (daemonOfLogins.test(stat.name)) return isPersons ? 'session' : 'system';
  if (pseudoTerminal(stat.terminal) !== null) return 'user';
  if (isPersons || userGroup.test(cgroup) || loginGroup.test(cgroup)) {
    if (sessionNames.has(stat.name)) return 'session';
    if (parentKind === 'editor' || editorCommand.test(facts.command)) return 'editor';
    return 'user';
  }
  return housekeeping.test(cgroup) ? 'system' : 'other';
}

/** People have ids from 1000 on; 65534 is nobody, and systemd takes those from 61184 to 65519 for services. */
function isPerson(userId: number): boolean {
  return userId >= 1_000 && userId !== 65_534 && !(userId >= 61_184 && userId <= 65_519);
}

/** They have no memory of their own. Process 2 of a container is none of them. */
function isKernelThread({ pid, parentPid, residentBytes }: ProcessStat): boolean {
  return residentBytes === 0 && (pid === 2 || parentPid === 2);
}
