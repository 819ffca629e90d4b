/**
 * The agent's systemd units as data. What may do much is small and takes no orders: the daemon that listens has no
 * privilege and no network of its own; a command of `/exec` runs as the login user in a process that systemd starts for
 * it; powering off is a unit without input, which the daemon can only trigger.
 */
import {
  agentEnvironmentPath,
  defaultPreDownSeconds,
  preDownLogPath,
  preDownPath,
  preDownUnit,
} from '../domain/agent-config.ts';
import { checkUserName } from '../domain/names.ts';
import { setupUnit } from '../domain/setup-paths.ts';
import { forwardedAgentPath, forwardedAgentUnits, renderForwardedAgentUnits } from './forwarded-agent.ts';
import { renderSetupUnits, startedSetupUnits } from './setup-units.ts';

export const agentUser = 'spuff-agent';

/** The folder with the bundle and the runtime it runs on; a link, so that an upgrade is one rename. */
const agentFolder = '/usr/lib/spuff/agent/current';

const agentSocketUnits = ['spuff-agent.socket', 'spuff-agent-tcp.socket', 'spuff-exec.socket'] as const;
export const agentUnits = [
  ...agentSocketUnits,
  'spuff-poweroff.path',
  'spuff-agent.service',
  ...forwardedAgentUnits,
  ...startedSetupUnits,
] as const;

/** Every unit file that an installation leaves in /etc/systemd/system. */
export const agentUnitFiles = [
  ...agentUnits,
  'spuff-exec@.service',
  preDownUnit,
  'spuff-poweroff.service',
  setupUnit,
] as const;

/** The same as patterns of a shell, and no other unit of spuff's: user data has little room. */
export const agentUnitPatterns = [
  'spuff-agent*',
  'spuff-exec*',
  'spuff-fo*',
  'spuff-p*',
  'spuff-s*',
] as const;

/** Which target starts a unit at boot. */
export const agentUnitTargets: Readonly<Record<(typeof agentUnits)[number], string>> = {
  'spuff-agent.socket': 'sockets.target',
  'spuff-agent-tcp.socket': 'sockets.target',
  'spuff-exec.socket': 'sockets.target',
  'spuff-poweroff.path': 'paths.target',
  'spuff-agent.service': 'multi-user.target',
  'spuff-forwarded-agent.path': 'paths.target',
  'spuff-forwarded-agent.service': 'multi-user.target',
  'spuff-setup.path': 'paths.target',
  'spuff-setup-restore.service': 'multi-user.target',
};

const agentSocket = (user: string) => `[Unit]
Description=spuff-agent for ${user} and root

[Socket]
ListenStream=/run/spuff/agent.sock
SocketUser=root
SocketGroup=${user}
SocketMode=0660
FileDescriptorName=unix
TriggerLimitIntervalSec=0
`;

// IPAddressDeny also covers what a listener hands out: nothing but loopback reaches it, whatever the firewall says.
const agentTcpSocket = `[Unit]
Description=spuff-agent on the loopback

[Socket]
ListenStream=127.0.0.1:7575
Service=spuff-agent.service
FileDescriptorName=tcp
TriggerLimitIntervalSec=0
IPAddressDeny=any
IPAddressAllow=localhost
`;

const execSocket = `[Unit]
Description=Commands of spuff-agent

[Socket]
ListenStream=/run/spuff/runner.sock
Accept=yes
SocketUser=${agentUser}
SocketGroup=root
SocketMode=0600
MaxConnections=16
TriggerLimitIntervalSec=0
`;

/**
 * Outside the sandbox by design: it is a login user's shell command, and may do what that user may. What it leaves
 * behind in its control group ends with it. It finds a lent SSH agent where each session does.
 */
const execService = (user: string) => `[Unit]
Description=A command of spuff-agent
CollectMode=inactive-or-failed

[Service]
User=${user}
ExecStart=${agentFolder}/node ${agentFolder}/agent.cjs run
StandardInput=socket
StandardOutput=journal
StandardError=journal
WorkingDirectory=~
Environment=SSH_AUTH_SOCK=${forwardedAgentPath}
KillMode=control-group
TimeoutStopSec=2
UMask=0022
`;

const powerOffPath = `[Unit]
Description=Power-off asked for by spuff-agent

[Path]
PathExists=/run/spuff-agent/power-off
`;

/**
 * Bounded by systemd, which is not the user: what does not end by its limit is ended, with all that it has started. The
 * log lies where the agent can't write: systemd opens it as root, and would follow a link that somebody put there.
 */
const preDownService = (user: string, limitSeconds: number) => `[Unit]
Description=What ${user} wants done before a power-off
ConditionFileIsExecutable=${preDownPath}

[Service]
Type=oneshot
User=${user}
ExecStart=/usr/bin/env ${preDownPath}
WorkingDirectory=-~
StandardInput=null
StandardOutput=append:${preDownLogPath}
StandardError=inherit
TimeoutStartSec=${limitSeconds}
TimeoutStopSec=2
KillMode=control-group
UMask=0022
`;

// Wants and After: it waits for the end of the hook, whatever that end is.
const powerOffService = `[Unit]
Description=Power off for spuff-agent
DefaultDependencies=no
Wants=${preDownUnit}
After=${preDownUnit}

[Service]
Type=oneshot
ExecStart=/usr/bin/systemctl --no-block poweroff
`;

/**
 * V8 without a compiler to machine code: less memory than with one, and MemoryDenyWriteExecute becomes possible.
 * docs/adr/0003-agent-runtime.md has the figures.
 */
const nodeFlags = '--jitless --v8-pool-size=0 --max-semi-space-size=1 --max-old-space-size=64';

/** What the runtime is and links to, by the layout of Debian and its kin and by that of the others. */
const executablePaths =
  '/usr/lib/spuff/runtime -/usr/lib/x86_64-linux-gnu -/usr/lib/aarch64-linux-gnu -/usr/lib64';

// A path of its own is a mount of its own, and NoExecPaths=/ does not reach into those: so what the agent may write is
// named as well. ExecPaths= alone would make its paths writable in systemd 252, so they are bound read-only too.
// adm reads the logs under /var/log. ProcSubset and ProtectProc stay open: the agent reports on the whole machine.
const agentService = `[Unit]
Description=spuff-agent
Requires=spuff-agent.socket
Wants=spuff-agent-tcp.socket spuff-exec.socket spuff-poweroff.path
After=spuff-agent.socket spuff-agent-tcp.socket
StartLimitIntervalSec=0

[Service]
Type=exec
User=${agentUser}
Group=${agentUser}
SupplementaryGroups=adm
ExecStart=${agentFolder}/node ${nodeFlags} ${agentFolder}/agent.cjs serve
Sockets=spuff-agent.socket spuff-agent-tcp.socket
EnvironmentFile=-${agentEnvironmentPath}
Environment=UV_THREADPOOL_SIZE=2 MALLOC_ARENA_MAX=1
RuntimeDirectory=spuff-agent
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
StateDirectory=spuff/agent
StateDirectoryMode=0700
LogsDirectory=spuff
LogsDirectoryMode=0750
Restart=always
RestartSec=1
TimeoutStopSec=5
UMask=0077
LimitNOFILE=1024
MemoryMax=192M
TasksMax=32
OOMScoreAdjust=-500

AmbientCapabilities=
BindReadOnlyPaths=${executablePaths}
CapabilityBoundingSet=
DevicePolicy=closed
ExecPaths=${executablePaths}
IPAddressDeny=any
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoExecPaths=/ /tmp /var/tmp /var/log/spuff /var/lib/spuff/agent
NoNewPrivileges=yes
PrivateDevices=yes
PrivateNetwork=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX
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
 * @param user the login user, who has a group of the same name
 * @param preDownSeconds how long the pre-down hook may take
 * @throws SpuffError `config` for a name that could be no user's
 */
export function renderAgentUnits(
  user: string,
  preDownSeconds = defaultPreDownSeconds,
): Readonly<Record<(typeof agentUnitFiles)[number], string>> {
  const name = checkUserName(user);
  if (!Number.isInteger(preDownSeconds) || preDownSeconds < 1)
    throw new TypeError('a limit is whole seconds');
  return {
    'spuff-agent.socket': agentSocket(name),
    'spuff-agent-tcp.socket': agentTcpSocket,
    'spuff-exec.socket': execSocket,
    'spuff-exec@.service': execService(name),
    [preDownUnit]: preDownService(name, preDownSeconds),
    'spuff-poweroff.path': powerOffPath,
    'spuff-poweroff.service': powerOffService,
    'spuff-agent.service': agentService,
    ...renderForwardedAgentUnits(name),
    ...renderSetupUnits(agentFolder),
  };
}
