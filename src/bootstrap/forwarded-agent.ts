/**
 * One path for the SSH agent that a session lends, whichever session that is. sshd gives each connection a socket with a
 * name of its own, so what outlives a connection (tmux, an editor's server) would keep the name of one that is gone. See
 * docs/adr/0075-one-path-for-the-lent-agent.md.
 */
import { checkUserName } from '../domain/names.ts';

/** In memory, and for the login user and root alone. */
export const forwardedAgentFolder = '/run/spuff/ssh';
/** A link to the socket of sshd; missing while no session lends an agent. */
export const forwardedAgentPath = `${forwardedAgentFolder}/agent.sock`;

export const forwardedAgentScriptPath = '/usr/lib/spuff/forwarded-agent';

/**
 * Stands in /etc/ssh/sshrc, which sshd runs before each session of the login user, programs and subsystems too. It reads
 * and prints nothing: both would be the session's. What may stand below it is the user's own.
 */
export const sshrcLine = `${forwardedAgentScriptPath} link </dev/null >/dev/null 2>&1`;

/**
 * Runs as the login user. With `link` it points the link at the newest socket that somebody listens on, and ends. With
 * `watch` it does so each second until none is left, and removes the sockets that an sshd has left behind which was killed.
 *
 * Whether somebody listens is the kernel's word, and not asked by a connection: that would reach the user's agent.
 * A socket has its name a moment before it is bound, so one is dead when it was so twice.
 * sshd up to 10.0 puts them into /tmp, where others may write: what is looked at there is in a folder of the user's that
 * bears that very name, for which no link can stand in once it has been entered.
 * In bash, which the login user has for a shell: it can read the kernel's list and wait without starting a program.
 * @see https://github.com/openssh/openssh-portable/blob/master/misc-agent.c for the names since 10.1
 */
export const forwardedAgentScript = `#!/bin/bash
set -u
shopt -s nullglob
folder=${forwardedAgentFolder}
link=${forwardedAgentPath}
declare -A dead=() suspects=()

# Sets newest and dead.
look() {
  local path name place line lines
  local -A bound=()
  local -a paths=(/tmp/ssh-*/agent.* "$HOME"/.ssh/agent/s.*.sshd.*)
  # After the names: else one that was bound in between would look dead.
  mapfile -t lines </proc/net/unix
  for line in "\${lines[@]}"; do
    [[ $line != *' /'* ]] || bound[/\${line#* /}]=1
  done
  newest='' dead=()
  for path in "\${paths[@]}"; do
    name=\${path##*/} place=\${path%/*}
    cd -P "$place" 2>/dev/null && [[ -O . && -S $name && -O $name ]] || continue
    [[ $place != /tmp/* || $PWD = "$place" ]] || continue
    if [[ -n \${bound[$path]-} ]]; then
      if [[ -z $newest || $path -nt $newest ]]; then newest=$path; fi
    elif [[ -n \${suspects[$path]-} ]]; then
      rm -f "$name"
      cd /
      [[ $place != /tmp/* ]] || rmdir "$place"
    else
      dead[$path]=1
    fi
  done
  cd /
}

is_right() {
  if [[ -n $newest ]]; then [[ $newest -ef $link ]]; else [[ ! -h $link ]]; fi
}

# Two at once would each put back what the other has just replaced; and a session must not wait long.
put_right() {
  flock -w 2 9 || return
  look
  if is_right; then
    :
  elif [[ -z $newest ]]; then
    rm -f "$link"
  else
    ln -sfn "$newest" "$folder/.new" && mv -fT "$folder/.new" "$link"
  fi
  flock -u 9
}

[[ -d $folder ]] || exit 0
exec 9<"$folder"
look
is_right || put_right
[[ $1 = watch ]] || exit 0
# Nobody ever writes into it, so that reading it is waiting.
exec 8<> <(:)
while :; do
  read -r -t 1 -u 8
  [[ -n $newest || \${#dead[@]} -gt 0 ]] || exit 0
  suspects=()
  for path in "\${!dead[@]}"; do suspects[$path]=1; done
  look
  suspects=()
  is_right || put_right
done
`;

/** Every unit of it that an installation starts. */
export const forwardedAgentUnits = ['spuff-forwarded-agent.path', 'spuff-forwarded-agent.service'] as const;

// The folder is empty while no session lends anything: nothing runs then.
const watchPath = `[Unit]
Description=A lent SSH agent

[Path]
DirectoryNotEmpty=${forwardedAgentFolder}
`;

/**
 * Also started at each boot: a disk keeps the sockets of a machine that lost its power. The network is the machine's
 * own, because /proc/net/unix tells of that network alone.
 */
const watchService = (user: string) => `[Unit]
Description=The path of the SSH agent that a session lends
ConditionPathExists=${forwardedAgentFolder}
StartLimitIntervalSec=0

[Service]
Type=exec
User=${user}
ExecStart=${forwardedAgentScriptPath} watch
Restart=on-failure
RestartSec=1
TimeoutStopSec=5
UMask=0077
MemoryMax=32M
TasksMax=16

AmbientCapabilities=
CapabilityBoundingSet=
DevicePolicy=closed
IPAddressDeny=any
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
ReadWritePaths=/tmp ${forwardedAgentFolder} -/home/${user}/.ssh
RestrictAddressFamilies=none
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
`;

/**
 * The content of each unit file.
 * @throws SpuffError `config` for a name that could be no user's
 */
export function renderForwardedAgentUnits(
  user: string,
): Readonly<Record<(typeof forwardedAgentUnits)[number], string>> {
  return {
    'spuff-forwarded-agent.path': watchPath,
    'spuff-forwarded-agent.service': watchService(checkUserName(user)),
  };
}
