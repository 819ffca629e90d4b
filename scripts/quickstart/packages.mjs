import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { engineAnswers } from './engine.mjs';
import { asRoot, heading, run, succeeds } from './run.mjs';

/** What has to be there, how to see that it is, and the Debian package that brings it. */
const needed = [
  { package: 'mmdebstrap', present: () => existsSync('/usr/bin/mmdebstrap') },
  { package: 'openssh-client', present: () => existsSync('/usr/bin/ssh') && existsSync('/usr/bin/scp') },
  { package: 'ca-certificates', present: () => existsSync('/etc/ssl/certs/ca-certificates.crt') },
  {
    package: 'docker.io',
    present: () => engineAnswers() || existsSync('/usr/sbin/dockerd') || existsSync('/usr/bin/dockerd'),
  },
  { package: 'iptables', present: () => engineAnswers() || existsSync('/usr/sbin/iptables') },
];

/** What the tests look at machines and clouds with, besides. */
export const testPackages = [
  ...['docker.io', 'iptables', 'mmdebstrap', 'debian-archive-keyring', 'ca-certificates', 'git', 'sudo'],
  // Real ssh, an sshd to stand in a machine's place, a terminal, and shells whose completion is tried.
  ...['openssh-client', 'openssh-server', 'tmux', 'zsh', 'fish'],
  // Brings the files of a project.
  'rsync',
  // Other agents and clients of ssh, for the guard.
  ...['gpg', 'gpg-agent', 'dropbear-bin', 'curl'],
  // Look at machines from outside, and tell which program opened which file.
  ...['nftables', 'nmap', 'iproute2', 'procps', 'strace'],
  // Second opinions: of sshd's settings, of user data; certificates that prove nothing.
  ...['ssh-audit', 'cloud-init', 'openssl'],
  // Mounts folders of machines.
  'sshfs',
  // Opens what was encrypted to an SSH key.
  'age',
  // Clients that others wrote, to hold the simulated clouds against.
  ...['awscli', 'hcloud-cli', 'python3-hcloud', 'golang-go'],
  ...['golang-github-digitalocean-godo-dev', 'golang-github-hetznercloud-hcloud-go-dev'],
  // The latter uses it, and its package does not say so.
  'golang-github-prometheus-client-golang-dev',
];

export function missingPackages() {
  return needed.filter(({ present }) => !present()).map((entry) => entry.package);
}

export function missingTestPackages() {
  // An engine of another make serves as well.
  const unneeded = engineAnswers() ? ['docker.io', 'iptables'] : [];
  return testPackages.filter((name) => !unneeded.includes(name) && !isInstalled(name));
}

function isInstalled(name) {
  return succeeds(['dpkg', '--status', name]);
}

/** Installs without starting any server: nobody who runs tests wants an sshd of their own from then on. */
export function installPackages(names) {
  if (names.length === 0) return;
  heading(`Install ${names.join(', ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const restore = keepServersDown();
  try {
    run(asRoot(['apt-get', 'update', '-q']), { env });
    run(asRoot(['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...names]), { env });
  } finally {
    restore();
  }
}

/** @see https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt */
function keepServersDown() {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return () => undefined;
  const asRootQuietly = (argv, input) => {
    const [command, ...args] = asRoot(argv);
    spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'inherit'] });
  };
  asRootQuietly(['install', '-m', '0755', '/dev/stdin', policy], '#!/bin/sh\nexit 101\n');
  const restore = () => existsSync(policy) && asRootQuietly(['rm', '-f', policy], '');
  // Also when the installation fails and ends the program.
  process.once('exit', restore);
  return restore;
}
