import type { CommandSpec } from './command.ts';

export interface CommandGroup {
  readonly title: string;
  readonly commands: Readonly<Record<string, () => Promise<CommandSpec>>>;
}

/** Every command, in the order of `spuff --help`. A module is loaded when its command is asked for. */
export const commandGroups: readonly CommandGroup[] = [
  {
    title: 'Machines',
    commands: {
      up: async () => (await import('./commands/up.ts')).up,
      ls: async () => (await import('./commands/ls.ts')).ls,
      setup: async () => (await import('./commands/setup.ts')).setup,
      status: async () => (await import('./commands/status.ts')).status,
      extend: async () => (await import('./commands/extend.ts')).extend,
      why: async () => (await import('./commands/why.ts')).why,
      keep: async () => (await import('./commands/keep.ts')).keep,
      down: async () => (await import('./commands/down.ts')).down,
      cost: async () => (await import('./commands/cost.ts')).cost,
    },
  },
  {
    title: 'On a machine',
    commands: {
      ssh: async () => (await import('./commands/ssh.ts')).ssh,
      exec: async () => (await import('./commands/exec.ts')).exec,
      cp: async () => (await import('./commands/cp.ts')).cp,
      sync: async () => (await import('./commands/sync.ts')).sync,
      tunnel: async () => (await import('./commands/tunnel.ts')).tunnel,
      'keep-tunnel': async () => (await import('./commands/keep-tunnel.ts')).keepTunnelCommand,
      logs: async () => (await import('./commands/logs.ts')).logs,
      'agent status': async () => (await import('./commands/agent-status.ts')).agentStatus,
      'agent metrics': async () => (await import('./commands/agent-metrics.ts')).agentMetrics,
      'agent processes': async () => (await import('./commands/agent-processes.ts')).agentProcesses,
      'agent logs': async () => (await import('./commands/agent-logs.ts')).agentLogs,
      'agent activity': async () => (await import('./commands/agent-activity.ts')).agentActivity,
      'agent exec-log': async () => (await import('./commands/agent-exec-log.ts')).agentExecLog,
      'agent upgrade': async () => (await import('./commands/agent-upgrade.ts')).agentUpgrade,
      bundles: async () => (await import('./commands/bundles.ts')).bundles,
      'ai list': async () => (await import('./commands/ai-list.ts')).aiList,
      'ai info': async () => (await import('./commands/ai-info.ts')).aiInfo,
      'ai install': async () => (await import('./commands/ai-install.ts')).aiInstall,
      'ai status': async () => (await import('./commands/ai-status.ts')).aiStatus,
    },
  },
  {
    title: 'Disks and work',
    commands: {
      'snapshot create': async () => (await import('./commands/snapshot-create.ts')).snapshotCreate,
      'snapshot list': async () => (await import('./commands/snapshot-list.ts')).snapshotList,
      'snapshot delete': async () => (await import('./commands/snapshot-delete.ts')).snapshotDelete,
      'snapshot prune': async () => (await import('./commands/snapshot-prune.ts')).snapshotPrune,
      'prebuild create': async () => (await import('./commands/prebuild-create.ts')).prebuildCreate,
      'prebuild list': async () => (await import('./commands/prebuild-list.ts')).prebuildList,
      'prebuild rm': async () => (await import('./commands/prebuild-rm.ts')).prebuildRm,
      'prebuild prune': async () => (await import('./commands/prebuild-prune.ts')).prebuildPrune,
      rescue: async () => (await import('./commands/rescue.ts')).rescue,
      'rescued list': async () => (await import('./commands/rescued-list.ts')).rescuedList,
      'rescued open': async () => (await import('./commands/rescued-open.ts')).rescuedOpen,
      'rescued rm': async () => (await import('./commands/rescued-rm.ts')).rescuedRm,
      'volume mount': async () => (await import('./commands/volume-mount.ts')).volumeMount,
      'volume unmount': async () => (await import('./commands/volume-unmount.ts')).volumeUnmount,
      'volume ls': async () => (await import('./commands/volume-ls.ts')).volumeLs,
      'volume status': async () => (await import('./commands/volume-status.ts')).volumeStatus,
      'volume remount': async () => (await import('./commands/volume-remount.ts')).volumeRemount,
      'image build': async () => (await import('./commands/image-build.ts')).imageBuild,
      'image list': async () => (await import('./commands/image-list.ts')).imageList,
      'image rm': async () => (await import('./commands/image-rm.ts')).imageRm,
    },
  },
  {
    title: 'Providers',
    commands: {
      providers: async () => (await import('./commands/providers.ts')).providers,
      sizes: async () => (await import('./commands/sizes.ts')).sizes,
      regions: async () => (await import('./commands/regions.ts')).regions,
      reap: async () => (await import('./commands/reap.ts')).reap,
      'reaper install': async () => (await import('./commands/reaper-install.ts')).reaperInstall,
      'reaper uninstall': async () => (await import('./commands/reaper-uninstall.ts')).reaperUninstall,
      'reaper status': async () => (await import('./commands/reaper-status.ts')).reaperStatus,
      'reaper workflow': async () => (await import('./commands/reaper-workflow.ts')).reaperWorkflow,
      'reaper run': async () => (await import('./commands/reaper-run.ts')).reaperRun,
      orphans: async () => (await import('./commands/orphans.ts')).orphans,
      adopt: async () => (await import('./commands/adopt.ts')).adopt,
      'firewall show': async () => (await import('./commands/firewall-show.ts')).firewallShow,
      'firewall allow': async () => (await import('./commands/firewall-allow.ts')).firewallAllow,
      'firewall revoke': async () => (await import('./commands/firewall-revoke.ts')).firewallRevoke,
      'firewall close': async () => (await import('./commands/firewall-close.ts')).firewallClose,
      'tailnet join': async () => (await import('./commands/tailnet-join.ts')).tailnetJoin,
      'tailnet leave': async () => (await import('./commands/tailnet-leave.ts')).tailnetLeave,
    },
  },
  {
    title: 'Your keys',
    commands: {
      'guard status': async () => (await import('./commands/guard-status.ts')).guardStatus,
      'guard allow': async () => (await import('./commands/guard-allow.ts')).guardAllow,
      'guard revoke': async () => (await import('./commands/guard-revoke.ts')).guardRevoke,
      'guard log': async () => (await import('./commands/guard-log.ts')).guardLog,
      'guard test': async () => (await import('./commands/guard-test.ts')).guardTest,
      'key new': async () => (await import('./commands/key-new.ts')).keyNew,
      'key list': async () => (await import('./commands/key-list.ts')).keyList,
      'key rotate': async () => (await import('./commands/key-rotate.ts')).keyRotate,
      'key revoke': async () => (await import('./commands/key-revoke.ts')).keyRevoke,
    },
  },
  {
    title: 'What holds, and what was done',
    commands: {
      audit: async () => (await import('./commands/audit.ts')).audit,
      log: async () => (await import('./commands/log.ts')).log,
      'log verify': async () => (await import('./commands/log-verify.ts')).logVerify,
      'incident api-token': async () => (await import('./commands/incident-api-token.ts')).incidentApiToken,
      'incident vm': async () => (await import('./commands/incident-vm.ts')).incidentVm,
      'incident ssh-key': async () => (await import('./commands/incident-ssh-key.ts')).incidentSshKey,
      'incident list': async () => (await import('./commands/incident-list.ts')).incidentList,
      'incident show': async () => (await import('./commands/incident-show.ts')).incidentShow,
      'policy show': async () => (await import('./commands/policy-show.ts')).policyShow,
      'policy check': async () => (await import('./commands/policy-check.ts')).policyCheck,
    },
  },
  {
    title: 'spuff itself',
    commands: {
      init: async () => (await import('./commands/init.ts')).init,
      validate: async () => (await import('./commands/validate.ts')).validate,
      trust: async () => (await import('./commands/trust.ts')).trust,
      schema: async () => (await import('./commands/schema.ts')).schema,
      'config show': async () => (await import('./commands/config-show.ts')).configShow,
      'config get': async () => (await import('./commands/config-get.ts')).configGet,
      'config explain': async () => (await import('./commands/config-explain.ts')).configExplain,
      'config set': async () => (await import('./commands/config-set.ts')).configSet,
      'config unset': async () => (await import('./commands/config-unset.ts')).configUnset,
      'config edit': async () => (await import('./commands/config-edit.ts')).configEdit,
      'config path': async () => (await import('./commands/config-path.ts')).configPath,
      doctor: async () => (await import('./commands/doctor.ts')).doctor,
      completion: async () => (await import('./commands/completion.ts')).completion,
      version: async () => (await import('./commands/version.ts')).version,
    },
  },
];

/** What the first words of two-word commands are about; one may be a command as well. */
export const families: Readonly<Record<string, string>> = {
  agent: 'ask spuff-agent, the daemon on an instance',
  ai: 'AI tools on an instance',
  reaper: 'have machines reaped by a timer, a scheduled job, or a process that runs on',
  snapshot: 'keep the disk of an instance, and start others from it',
  prebuild: 'disks on which what a project asks for is installed already',
  rescued: 'work that was saved from instances, on this computer',
  image: 'the base images that local machines start from',
  firewall: 'who may reach port 22 of an instance',
  guard: 'what machines may do with the keys of your ssh-agent',
  key: 'the login key of spuff alone: one for each user and computer',
  tailnet: 'instances in your tailnet, by Tailscale',
  volume: 'folders of instances, seen on this computer',
  policy: 'the rules for everybody on a computer or in a repository',
  incident: 'what to do when a token, a machine or a key is in wrong hands',
  log: 'what spuff did at providers and on machines',
  config: 'read and change the settings',
};

const loaders = new Map(commandGroups.flatMap((group) => Object.entries(group.commands)));

export function commandNames(): string[] {
  return [...loaders.keys()];
}

/** null when there is no such command. */
export async function loadCommand(name: string): Promise<CommandSpec | null> {
  return (await loaders.get(name)?.()) ?? null;
}

export async function loadAllCommands(): Promise<CommandSpec[]> {
  return Promise.all([...loaders.values()].map((load) => load()));
}
