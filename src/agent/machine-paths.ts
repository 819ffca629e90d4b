import { setupRunningPath, setupStateFolder } from '../domain/setup-paths.ts';

/** Where the agent looks. Tests point it at folders of their own. */
export interface MachinePaths {
  proc: string;
  dev: string;
  /** The root of the control groups. */
  cgroup: string;
  /** `/logs` never leaves this folder. */
  logRoot: string;
  passwd: string;
  osRelease: string;
  /** cloud-init's status.json and result.json. */
  cloudInitRun: string;
  /** Holds the id that the provider gave this instance; a clone of a snapshot gets a new one. */
  instanceId: string;
  /** What the setup of the project says of itself; see domain/setup-paths.ts. */
  setupState: string;
  /** There while it runs. */
  setupRunning: string;
}

export const machinePaths: MachinePaths = {
  proc: '/proc',
  dev: '/dev',
  cgroup: '/sys/fs/cgroup',
  logRoot: '/var/log',
  passwd: '/etc/passwd',
  osRelease: '/etc/os-release',
  cloudInitRun: '/run/cloud-init',
  instanceId: '/var/lib/cloud/data/instance-id',
  setupState: setupStateFolder,
  setupRunning: setupRunningPath,
};
