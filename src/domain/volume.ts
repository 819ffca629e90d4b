/** Folders of machines that are mounted on this computer. The system's own table of mounts is the record of them. */
import type { InstanceKey } from './ids.ts';

/** A folder that is, or is to be, seen here. */
export interface Volume {
  /** What is copied there first, where nothing is there yet; absolute. */
  source: string | null;
  /** Absolute, on the machine. */
  target: string;
  /** Absolute, here. */
  mountPoint: string;
}

export interface VolumeMount {
  key: InstanceKey;
  /** The folder on the machine: absolute. */
  target: string;
  /** Here: absolute. */
  mountPoint: string;
}

/** Whether what is mounted is of use: `silent` when the machine does not answer in time, `broken` when its mount has no program behind it. */
export type VolumeHealth = 'answers' | 'silent' | 'broken';

export interface MountTable {
  /** The folders of spuff's machines. Never touches a mount: that could wait for a machine that is gone. */
  list(): Promise<VolumeMount[]>;
  /**
   * Takes a mount away. `lazy`: also while programs have files of it open, which then get errors.
   * @throws SpuffError `conflict` for one that is in use, `unavailable` when the system can't
   */
  unmount(mountPoint: string, options: { lazy: boolean; signal?: AbortSignal }): Promise<void>;
  /** Looks with a limit of three seconds. */
  check(mountPoint: string): Promise<VolumeHealth>;
}
