/** What of the kernel a development machine has no use for. What a developer would feel, such as ptrace, stays as it is. */
import type { CloudConfigFile } from './cloud-config.ts';

/** Behind Debian's 99-protect-links.conf, and before the user's own 99-sysctl.conf. */
export const sysctlPath = '/etc/sysctl.d/99-spuff.conf';

/**
 * No redirects and no source routes: a neighbour could lead the machine's packets by way of itself. Sticky folders keep what is
 * in them from being taken over by another account; no kernel addresses and no dumps of programs that changed their rights.
 * @see https://docs.kernel.org/admin-guide/sysctl/, https://docs.kernel.org/networking/ip-sysctl.html
 */
const sysctl = `# Written by spuff at first boot.
dev.tty.ldisc_autoload = 0
fs.protected_fifos = 2
fs.protected_hardlinks = 1
fs.protected_regular = 2
fs.protected_symlinks = 1
fs.suid_dumpable = 0
kernel.dmesg_restrict = 1
kernel.kptr_restrict = 2
kernel.unprivileged_bpf_disabled = 1
net.core.bpf_jit_harden = 2
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.all.log_martians = 1
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.default.accept_redirects = 0
net.ipv4.conf.default.accept_source_route = 0
net.ipv4.conf.default.log_martians = 1
net.ipv6.conf.all.accept_redirects = 0
net.ipv6.conf.default.accept_redirects = 0
`;

/** Protocols and file systems that are loaded on demand by any user, and that nobody asks for on such a machine. */
const modules = ['dccp', 'sctp', 'rds', 'tipc', 'cramfs', 'freevxfs', 'hfs', 'hfsplus', 'jffs2'];
/** Hardware that a virtual machine has not. */
const hardware = ['usb-storage', 'firewire-core', 'firewire-ohci', 'firewire-sbp2'];

/** modprobe.d(5): the module is not loaded, and whoever asks for it is told by the call that needs it. */
const modprobe = [...modules, ...hardware].map((name) => `install ${name} /bin/true\n`).join('');

/** Of a program that has secrets in its memory nothing is to lie on the disk. coredump.conf(5), limits.conf(5) */
const coredump = '[Coredump]\nStorage=none\nProcessSizeMax=0\n';
const limits = '* hard core 0\n';

export const kernelFiles: readonly CloudConfigFile[] = [
  { path: sysctlPath, content: sysctl, permissions: '0644' },
  { path: '/etc/modprobe.d/spuff.conf', content: modprobe, permissions: '0644' },
  { path: '/etc/systemd/coredump.conf.d/spuff.conf', content: coredump, permissions: '0644' },
  { path: '/etc/security/limits.d/60-spuff.conf', content: limits, permissions: '0644' },
];
