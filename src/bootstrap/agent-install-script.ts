/**
 * What runs on the machine, as root: fixed text for any POSIX shell. What differs between machines reaches it as
 * arguments and files, never by being put into the text.
 */
import { agentUser } from './agent-units.ts';
import { forwardedAgentScriptPath, sshrcLine } from './forwarded-agent.ts';
import { knownHostsMark, knownHostsPath } from './known-hosts.ts';

/** The exit status that asks for the runtime. */
export const missingRuntimeStatus = 90;

/**
 * Arguments: the folder of this version, the SHA-256 of the bundle, the SHA-256 of the runtime. Standard input: a
 * compressed tar archive of the bundle, the units, the configuration, and perhaps the runtime.
 *
 * A daemon-reload takes long, and a unit that systemd has not loaded before needs none. Restarting on any difference,
 * and only then, makes a second run cheap.
 */
export const installScript = `set -eu
umask 022
folder=$1 bundle=$2 runtime=$3
base=/usr/lib/spuff
mkdir -p $base/agent $base/runtime /etc/spuff /run/spuff
exec 9>/run/spuff/install.lock
flock 9
rm -rf $base/agent/.new.*
new=$(mktemp -d $base/agent/.new.XXXXXX)
trap 'rm -rf "$new"' EXIT
tar -xzf - -C "$new" --no-same-owner

if [ -f "$new/node" ]; then
  echo "$runtime  $new/node" | sha256sum --check --status - || { echo 'the runtime arrived damaged' >&2; exit 1; }
  mkdir -p "$base/runtime/$runtime"
  mv -f "$new/node" "$base/runtime/$runtime/node"
fi
[ -x "$base/runtime/$runtime/node" ] || exit ${missingRuntimeStatus}
echo "$bundle  $new/agent.cjs" | sha256sum --check --status - || { echo 'the bundle arrived damaged' >&2; exit 1; }

getent passwd ${agentUser} >/dev/null || useradd --system --user-group --no-create-home \\
  --home-dir /nonexistent --shell /usr/sbin/nologin ${agentUser}

restart=no
if [ "$(readlink $base/agent/current || true)" != "$folder" ] || ! cmp -s "$new/agent.cjs" "$base/agent/current/agent.cjs"; then
  restart=yes
  mkdir "$new/version"
  mv "$new/agent.cjs" "$new/version/agent.cjs"
  ln -s "$base/runtime/$runtime/node" "$new/version/node"
  rm -rf "$base/agent/$folder"
  mv -T "$new/version" "$base/agent/$folder"
  ln -s "$folder" "$new/current"
  mv -T "$new/current" $base/agent/current
fi

# Gives 1 where nothing is to be done. Spelt out: the shell does not end by itself in a function that \`if\` asks, and half
# a file would take the place of a good one when the disk is full, or after a power cut. Not the time: systemd tells a
# changed unit by a newer one.
place() {
  cmp -s "$1" "$2" && return 1
  if ! { cp --preserve=mode "$1" "$2.new" && sync "$2.new" && mv -f "$2.new" "$2"; }; then
    rm -f "$2.new"
    echo "$2 could not be written" >&2
    exit 1
  fi
}
if place "$new/etc/agent.env" /etc/spuff/agent.env; then restart=yes; fi
place "$new/etc/agent.json" /etc/spuff/agent.json || true
if [ -e /var/lib/cloud/data/instance-id ]; then
  place /var/lib/cloud/data/instance-id /etc/spuff/instance-id || true
fi

place "$new/forwarded-agent" ${forwardedAgentScriptPath} || true
# Whoever has put something there keeps it.
if ! grep -qxF '${sshrcLine}' /etc/ssh/sshrc 2>/dev/null; then
  echo '${sshrcLine}' >"$new/sshrc"
  [ ! -e /etc/ssh/sshrc ] || cat /etc/ssh/sshrc >>"$new/sshrc"
  place "$new/sshrc" /etc/ssh/sshrc
fi
if [ ! -e ${knownHostsPath} ] || grep -qxF '${knownHostsMark}' ${knownHostsPath}; then
  place "$new/known_hosts" ${knownHostsPath} || true
fi

cd /etc/systemd/system
for file in "$new"/units/*; do
  if place "$file" "\${file##*/}"; then restart=yes; fi
done
start=''
while read -r unit target; do
  start="$start $unit"
  [ -h "$target.wants/$unit" ] && continue
  mkdir -p "$target.wants"
  ln -sf "/etc/systemd/system/$unit" "$target.wants/$unit"
done <"$new/targets"

# A socket can't be started while its service runs; and the port of the loopback may be somebody else's.
# A unit that only others start may have changed as well. Not the template: systemd reads it for each command anew.
units=$(cd "$new/units" && ls | grep -v @)
if systemctl show --property=NeedDaemonReload $units | grep -q yes; then
  systemctl daemon-reload
  systemctl stop $start
  # What was asked for without effect must not power the machine off when the unit that looks for it starts again.
  rm -f /run/spuff-agent/power-off
elif [ $restart = yes ] && systemctl --quiet is-active spuff-agent.service; then
  systemctl restart spuff-agent.service
fi
systemctl start $(echo "$start" | sed 's/spuff-agent-tcp.socket//')

for old in $base/agent/* $base/runtime/*; do
  case $old in $base/agent/current | "$base/agent/$folder" | "$base/runtime/$runtime") ;; *) rm -rf "$old" ;; esac
done
`;
