import { join } from 'node:path';
import { atLevel, type Level, shortestSampleMs } from './level.ts';
import type { MachinePaths } from './machine-paths.ts';
import { parseNetwork } from './proc-files.ts';
import { readText } from './read-file.ts';

export interface NetworkWatch {
  sample(busyFromBytesPerSecond: number): void;
  /** Bytes a second in both directions. */
  readonly level: Level;
  save(): SavedNetwork;
}

export interface SavedNetwork {
  lastBusyAtMs: number | null;
  before: { atMs: number; bytes: number } | null;
}

/**
 * Interfaces that only pass on what a real one carries, or what never leaves the machine: containers, bridges, tunnels.
 * The agent itself has no network: what the CLI asks it is far below the noise floor.
 */
const inner =
  /^(?:lo|veth|docker|br-|virbr|vnet|cni|flannel|cali|podman|lxcbr|lxdbr|tun|tap|wg|tailscale|zt|dummy|ifb|sit|gre|ip6tnl)/;

/** @param clockMs a clock that never goes back, and goes on over a restart of the agent */
export function createNetworkWatch(
  paths: MachinePaths,
  clockMs: () => number,
  saved: SavedNetwork | null,
): NetworkWatch {
  let before = saved?.before ?? null;
  let level: Level = { value: null, busyFrom: 0, lastBusyAtMs: saved?.lastBusyAtMs ?? null };
  return {
    sample(busyFrom) {
      const atMs = clockMs();
      if (before !== null && atMs - before.atMs < shortestSampleMs) return;
      const bytes = readBytes(paths);
      // Counters begin anew when an interface does.
      const passed = bytes === null || before === null ? null : Math.max(0, bytes - before.bytes);
      const value = passed === null || before === null ? null : (passed * 1_000) / (atMs - before.atMs);
      level = atLevel(level, value, busyFrom, atMs);
      before = bytes === null ? null : { atMs, bytes };
    },
    get level() {
      return level;
    },
    save: () => ({ lastBusyAtMs: level.lastBusyAtMs, before }),
  };
}

/** null when the kernel does not show the machine's interfaces. */
function readBytes(paths: MachinePaths): number | null {
  const text = readText(join(paths.proc, '1/net/dev'));
  if (text === null) return null;
  let bytes = 0;
  for (const { name, receivedBytes, sentBytes } of parseNetwork(text))
    if (!inner.test(name)) bytes += receivedBytes + sentBytes;
  return bytes;
}
