/**
 * The units that make of a machine what its project asks for. They run as root, because they install packages, and so
 * they take no orders from the daemon that listens: it can only have them started, and what they do then is what the user
 * has sent over SSH.
 */
import {
  setupRestoreUnit,
  setupRunningPath,
  setupStateFolder,
  setupTriggerPath,
  setupUnit,
} from '../domain/setup-paths.ts';

/** Those that an installation starts. */
export const startedSetupUnits = ['spuff-setup.path', setupRestoreUnit] as const;

type SetupUnitFile = (typeof startedSetupUnits)[number] | typeof setupUnit;

const triggerPath = `[Unit]
Description=A setup asked for by spuff-agent

[Path]
PathExists=${setupTriggerPath}
`;

// The folder in /run is there as long as the unit runs, whatever ends it. What a command leaves running ends with it, and
// one that hangs must not keep a machine on for ever: a setup counts as use.
const setupService = (agentFolder: string) => `[Unit]
Description=Setup of the project
After=network-online.target

[Service]
Type=exec
ExecStartPre=-/usr/bin/rm -f ${setupTriggerPath}
ExecStart=${agentFolder}/node ${agentFolder}/agent.cjs setup
RuntimeDirectory=${setupRunningPath.slice('/run/'.length)}
RuntimeDirectoryMode=0755
RuntimeMaxSec=6h
TimeoutStopSec=10
KillMode=control-group
StandardInput=null
UMask=0022
OOMPolicy=continue
`;

// Only where the user wants the variables to outlive a reboot is there something to restore.
const restoreService = (agentFolder: string) => `[Unit]
Description=Variables of the project after a boot
ConditionPathExists=${setupStateFolder}/order.json
Before=ssh.service

[Service]
Type=oneshot
ExecStart=${agentFolder}/node ${agentFolder}/agent.cjs setup-restore
StandardInput=null
UMask=0077
`;

/** @param agentFolder where the bundle and the runtime are */
export function renderSetupUnits(agentFolder: string): Readonly<Record<SetupUnitFile, string>> {
  return {
    'spuff-setup.path': triggerPath,
    [setupUnit]: setupService(agentFolder),
    [setupRestoreUnit]: restoreService(agentFolder),
  };
}
