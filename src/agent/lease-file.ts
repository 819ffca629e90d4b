import { statSync } from 'node:fs';
import { type AgentConfig, parseAgentConfig, renderAgentConfig } from '../domain/agent-config.ts';
import { toFileError, writeFileAtomically } from '../lib/atomic-file.ts';
import { readText } from './read-file.ts';

export interface LeaseFile {
  /** The lease that is in force; the files are read again when one of them has changed, or was not all right. */
  read(): { config: AgentConfig; problem: string | null };
}

export interface LeasePaths {
  /** The file that spuff writes. */
  config: string;
  /** Holds the id of the instance that the file was written for. */
  boundTo: string;
  /**
   * Holds the id of this instance. On a clone of a snapshot the two differ: the lease in the snapshot is another
   * machine's, and must not switch this one off before its own has come.
   */
  instanceId: string;
  /** The agent's own copy of the last good lease, for when the file is missing or damaged. */
  copy: string;
}

/** A lease, and the instance that it was written for; empty where that is not known. */
interface BoundLease {
  config: AgentConfig;
  boundTo: string;
}

/**
 * What ends a machine whose lease is nowhere to be found: the same as spuff's defaults. With no end at all, one damaged
 * file would be enough to keep a machine, and its bill, running for ever.
 */
const fallbackLifetimeSeconds = 24 * 3_600;
const fallbackIdleSeconds = 2 * 3_600;

/** @param startedAtMs when a lease that is not known began: the boot; Unix time in ms */
export function createLeaseFile(paths: LeasePaths, startedAtMs: () => number): LeaseFile {
  let stamp = '';
  let known: BoundLease | null = null;
  let current: ReturnType<LeaseFile['read']> | null = null;
  const load = () => {
    const text = readText(paths.config);
    const config = text === null ? null : parseAgentConfig(text);
    if (config !== null) {
      known = { config, boundTo: readText(paths.boundTo)?.trim() ?? '' };
      return bind(known, paths, keepCopy(paths.copy, known));
    }
    const what = `${paths.config} is ${text === null ? 'missing or closed to the agent' : 'damaged'}`;
    known ??= readCopy(paths.copy);
    if (known !== null) return bind(known, paths, `${what}: the lease that was last known goes on`);
    return {
      config: fallbackLease(startedAtMs()),
      problem: `${what}, and no other lease is known: ${fallback}`,
    };
  };
  return {
    read() {
      const seen = [paths.config, paths.boundTo, paths.instanceId].map(stampOf).join(' ');
      if (current === null || current.problem !== null || seen !== stamp) current = load();
      stamp = seen;
      return current;
    },
  };
}

const fallback =
  'this machine powers off 24 hours after it was started, or after 2 hours without use, until spuff gives it its lease again';

function fallbackLease(startedAtMs: number): AgentConfig {
  const deadline = Math.floor(startedAtMs / 1_000) + fallbackLifetimeSeconds;
  return { user: 'unknown', deadline, idleTimeoutSeconds: fallbackIdleSeconds };
}

function bind({ config, boundTo }: BoundLease, { instanceId }: LeasePaths, problem: string | null) {
  const id = readText(instanceId)?.trim() ?? '';
  if (boundTo === '' || id === '' || boundTo === id) return { config, problem };
  return {
    config: { user: config.user, deadline: null, idleTimeoutSeconds: null },
    problem:
      'the lease on this machine is that of the one it was cloned from, so it has none until spuff gives it one',
  };
}

function stampOf(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino}:${mtimeMs}:${size}`;
  } catch {
    return 'none';
  }
}

/** The copy is the file's text with the id in a line of its own below it. */
function readCopy(path: string): BoundLease | null {
  const [line = '', boundTo = '', ...rest] = (readText(path) ?? '').split('\n');
  // A copy that was cut short lacks its last line's end.
  const config = rest.length === 1 ? parseAgentConfig(line) : null;
  return config === null ? null : { config, boundTo };
}

/** @returns why there is no copy; null when there is one */
function keepCopy(path: string, { config, boundTo }: BoundLease): string | null {
  const content = `${renderAgentConfig(config)}${boundTo.replace(/\s/g, ' ')}\n`;
  if (readText(path) === content) return null;
  try {
    writeFileAtomically(path, content);
    return null;
  } catch (error) {
    return `no copy of the lease can be kept: ${toFileError(error, `write ${path}`).message}`;
  }
}
