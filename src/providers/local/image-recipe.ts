/**
 * The base image as data: which Debian packages it has, what is left out of them, and what is laid over them so that a
 * container boots as a small cloud machine does. A change of anything here makes the next `spuff image build` build anew.
 */
import type { ArchiveEntry } from './tar-archive.ts';

export const baseSlug = 'debian-12';
export const baseName = 'Debian 12 (bookworm)';
export const suite = 'bookworm';

/** What runs first in the machine; it ends by becoming systemd. */
export const initPath = '/usr/lib/spuff/init';
export const systemdPath = '/lib/systemd/systemd';

export const packages: readonly string[] = [
  // the machine
  'systemd',
  'systemd-sysv',
  'dbus',
  'cloud-init',
  'openssh-server',
  'sudo',
  'iproute2',
  'nftables',
  'procps',
  'ca-certificates',
  // the first minute of a developer
  'curl',
  'git',
  'less',
  'nano',
  'rsync',
  'tmux',
];

/** dpkg's own words for what is not unpacked; the machine keeps to them when it installs more. */
export const dpkgOptions: readonly string[] = [
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/locale/*',
  'force-unsafe-io',
];

export const aptOptions: readonly string[] = ['APT::Install-Recommends "false"', 'Acquire::Languages "none"'];

/** Files of packages that no two machines may share. Shell patterns below the root. */
export const removedFiles: readonly string[] = [
  'etc/ssh/ssh_host_*',
  'var/lib/dbus/machine-id',
  'etc/hostname',
];

/**
 * Units that a machine in a container has no use for, and that cost time at each boot or fail: consoles, devices, kernel
 * file systems, the host's own affairs, and timers.
 */
const uselessUnits: readonly string[] = [
  'apt-daily-upgrade.timer',
  'apt-daily.timer',
  'dev-hugepages.mount',
  'dpkg-db-backup.timer',
  'fstrim.timer',
  'getty-static.service',
  'getty.target',
  'kmod-static-nodes.service',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-fs-fuse-connections.mount',
  'systemd-ask-password-console.path',
  'systemd-ask-password-wall.path',
  'systemd-binfmt.service',
  'systemd-firstboot.service',
  'systemd-journal-flush.service',
  'systemd-machine-id-commit.service',
  'systemd-modules-load.service',
  'systemd-pcrphase-sysinit.service',
  'systemd-pcrphase.service',
  'systemd-pstore.service',
  'systemd-random-seed.service',
  'systemd-remount-fs.service',
  'systemd-repart.service',
  'systemd-udevd.service',
  'systemd-update-utmp-runlevel.service',
  'systemd-update-utmp.service',
];

/**
 * A container can't start itself again, so a reboot would be a power-off, and a machine that is off is destroyed. Without
 * these, `reboot` says no.
 */
const rebootUnits: readonly string[] = ['ctrl-alt-del.target', 'kexec.target', 'reboot.target'];

/**
 * The seed is on the disk, so cloud-init does everything that comes before sshd in its first stage, and the rest in its
 * last. The two stages between would do nothing and start Python each.
 */
const idleStages: readonly string[] = [
  'cloud-config.service',
  'cloud-init-hotplugd.socket',
  'cloud-init.service',
];

const cloudConfig = {
  datasource_list: ['NoCloud'],
  network: { config: 'disabled' },
  ssh_genkeytypes: ['ed25519'],
  cloud_init_modules: [
    'bootcmd',
    'write_files',
    'set_hostname',
    'update_hostname',
    'update_etc_hosts',
    'users_groups',
    'ssh',
  ],
  cloud_config_modules: [],
  cloud_final_modules: [
    'package_update_upgrade_install',
    'set_passwords',
    'runcmd',
    'write_files_deferred',
    'scripts_per_boot',
    'scripts_per_instance',
    'scripts_user',
  ],
};

/**
 * Becomes systemd, which needs a tree of control groups that it can write to. Engines mount the machine's own part of it
 * read-only: the unified tree where the host has that, else the tree called systemd. CAP_SYS_ADMIN allows the change, and
 * the private namespace keeps it inside the machine.
 * @see cgroups(7), cgroup_namespaces(7)
 */
const initScript = `#!/bin/sh
set -eu
tree=/sys/fs/cgroup
[ -e "$tree/cgroup.controllers" ] || tree=/sys/fs/cgroup/systemd
[ -w "$tree/cgroup.procs" ] || mount -o remount,bind,rw "$tree"
exec "$@"
`;

export const overlay: readonly ArchiveEntry[] = [
  { path: initPath, content: initScript, mode: 0o755 },
  { path: '/etc/machine-id', content: '', mode: 0o444 },
  { path: '/etc/default/locale', content: 'LANG=C.UTF-8\n', mode: 0o644 },
  { path: '/etc/cloud/cloud.cfg.d/90-spuff.cfg', content: `${JSON.stringify(cloudConfig)}\n`, mode: 0o644 },
  ...[...uselessUnits, ...rebootUnits, ...idleStages].map((unit) => ({
    path: `/etc/systemd/system/${unit}`,
    linkTo: '/dev/null',
  })),
];
