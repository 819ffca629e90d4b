/**
 * The two scripts of the first boot: fixed text, for any POSIX shell. What differs between machines reaches them as
 * files that cloud-init has written, never by being put into the text.
 */
import { agentUnitPatterns, agentUnits } from './agent-units.ts';
import { forwardedAgentFolder } from './forwarded-agent.ts';
import { firewallUnit, firewallUnitPath } from './hardening-firewall.ts';
import { sysctlPath } from './hardening-kernel.ts';
import { sshdDropInPath } from './hardening-ssh.ts';

export const firstBootScriptPath = '/usr/lib/spuff/first-boot';
const firstBootUnit = 'spuff-first-boot.service';
/** `ok`, or one line for each thing that failed. In memory: it tells of this boot only. */
export const firstBootReportPath = '/run/spuff/first-boot';
export const tmpfilesPath = '/etc/tmpfiles.d/spuff.conf';
/**
 * Where the report and the agent's sockets are, and the login user's folder for the path of a lent SSH agent.
 * @param user a name that `checkUserName` has passed, who has a group of the same name
 */
export function tmpfiles(user: string): string {
  return `d /run/spuff 0755 root root -\nd ${forwardedAgentFolder} 0700 ${user} ${user} -\n`;
}

/**
 * Runs before cloud-init writes files and makes users, once per instance. A machine made from a snapshot still has what
 * let its former owner in, what it was in a tailnet, and the user data of the one it was taken of, with its one-time key and the hash of its token; on
 * a fresh image there is nothing to remove. Then it queues the second script as a unit of
 * its own, which systemd holds back until cloud-init has written the files and made the user, and sshd until that has
 * ended. The stage of cloud-init that does so is its second, which goes by two names, or its first, where the data source
 * needs no network; sshd's start goes by two units.
 */
export const restoreScript = `set -u
failed=0
rm -rf /root/.ssh/authorized_keys* /home/*/.ssh/authorized_keys* /etc/ssh/ssh_host_*key* \\
  ${sshdDropInPath}* /etc/sudoers.d/90-cloud-init-users \\
  /etc/spuff /var/lib/spuff /var/log/spuff /var/log/spuff-* /run/spuff || failed=1
current=$(readlink -f /var/lib/cloud/instance) && for old in /var/lib/cloud/instances/*; do
  [ "$old" = "$current" ] ||
    rm -rf "$old" /run/cloud-init/instance-data-sensitive.json || failed=1
done
if [ -e /var/lib/tailscale ]; then
  timeout 10 systemctl stop tailscaled.service
  rm -rf /var/lib/tailscale || failed=1
fi
cd /etc/systemd/system || exit
if [ -e spuff-agent.service ]; then
  systemctl --no-block stop ${agentUnits.join(' ')}
  for unit in ${agentUnitPatterns.join(' ')}; do
    rm -f "$unit" ./*.wants/"$unit" || failed=1
  done
fi
stage='cloud-init.service cloud-init-network.service'
if grep -q cloud-init-local /proc/self/cgroup; then
  stage=cloud-init-local.service
fi
systemd-run --quiet --no-block --unit=${firstBootUnit} --description="spuff first boot" \\
  --property=Type=oneshot --property=DefaultDependencies=no \\
  --property=After="$stage" \\
  --property=Before="ssh.service ssh.socket" \\
  /bin/sh ${firstBootScriptPath} || failed=1
exit $failed
`;

/**
 * Makes /run/spuff, brings nftables where the image lacks it (before sshd is let go, so that nobody is there while the
 * machine is open), enables the firewall (a link, because `systemctl enable` makes systemd read every unit
 * again, which only a machine from a snapshot needs), closes it and has sshd's configuration tested before sshd reads it. An sshd
 * that refuses the drop-in would not start, and nobody could log in: then the algorithms go first, and the rest of the
 * drop-in only if that does not help. Whatever fails is in the journal, in the report, and fails the unit.
 */
export const firstBootScript = `#!/bin/sh
set -u
problems=''
problem() {
  echo "spuff: $1" >&2
  problems="$problems$1
"
}

systemd-tmpfiles --create ${tmpfilesPath} || problem '/run/spuff could not be made'

if ! command -v nft >/dev/null && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  apt='apt-get -qqy -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120'
  { $apt update && $apt install --no-install-recommends nftables; } >&2
fi
command -v nft >/dev/null || problem 'there is no nftables: the image lacks it and it could not be installed'

wants=/etc/systemd/system/sysinit.target.wants
if [ -L "$wants/${firewallUnit}" ]; then
  systemctl daemon-reload
else
  mkdir -p "$wants"
  ln -s ${firewallUnitPath} "$wants/"
fi
systemctl restart ${firewallUnit} || problem 'the firewall did not load'

# Where the kernel is another one's, as in a container, it lets nothing be set.
sysctl -q -e -p ${sysctlPath} 2>/dev/null

mkdir -p /run/sshd
conf=${sshdDropInPath}
if ! sshd -t; then
  mv "$conf" "$conf.refused"
  grep -Ev '^(HostKeyAlgorithms|KexAlgorithms|Ciphers|MACs|RequiredRSASize) ' "$conf.refused" >"$conf"
  if sshd -t; then
    problem "sshd refuses the algorithms in $conf.refused; its defaults are used"
  else
    rm -f "$conf"
    problem "sshd refuses $conf.refused; it runs without it"
  fi
fi
if systemctl --quiet is-active ssh.service; then
  systemctl --no-block reload ssh.service || problem 'sshd was running before and can not be reloaded'
fi

printf '%s' "\${problems:-ok
}" >${firstBootReportPath}.new
mv ${firstBootReportPath}.new ${firstBootReportPath}
[ -z "$problems" ]
`;
