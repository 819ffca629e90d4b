import { statSync } from 'node:fs';
import { readText } from './read-file.ts';

/** What the owner has decided about the machine's life, as it lies in /etc/spuff/agent.json. */
export interface AgentConfig {
  /** Who commands run as. */
  user: string;
  /** Unix time in seconds; null: no deadline. */
  deadline: number | null;
  idleTimeoutSeconds: number | null;
}

export interface LeaseFile {
  /** The configuration as it is now; read again only when the file has changed. */
  read(): { config: AgentConfig; problem: string | null };
}

const nothing: AgentConfig = { user: 'unknown', deadline: null, idleTimeoutSeconds: null };

/**
 * @param paths.config the file
 * @param paths.boundTo holds the id of the instance that the file was written for
 * @param paths.instanceId holds the id of this instance. On a clone of a snapshot the two differ: the lease in the
 *   snapshot is another machine's, and must not switch this one off before its own has come.
 */
export function createLeaseFile(paths: { config: string; boundTo: string; instanceId: string }): LeaseFile {
  let stamp = '';
  let current: { config: AgentConfig; problem: string | null } = { config: nothing, problem: null };
  return {
    read() {
      const seen = `${stampOf(paths.config)} ${stampOf(paths.boundTo)} ${stampOf(paths.instanceId)}`;
      if (seen !== stamp) current = load(paths, current.config);
      stamp = seen;
      return current;
    },
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

function load(paths: Parameters<typeof createLeaseFile>[0], last: AgentConfig) {
  const text = readText(paths.config);
  if (text === null)
    return { config: nothing, problem: `${paths.config} is missing: this machine has no deadline` };
  const config = parseConfig(text);
  // A damaged file must not lift the deadline that was known before.
  if (config === null)
    return { config: last, problem: `${paths.config} can't be read: the lease before it goes on` };
  const boundTo = readText(paths.boundTo)?.trim() ?? '';
  const instanceId = readText(paths.instanceId)?.trim() ?? '';
  if (boundTo !== '' && instanceId !== '' && boundTo !== instanceId) {
    return {
      config: { ...nothing, user: config.user },
      problem:
        'the lease on this machine is that of the one it was cloned from, so it has none until spuff gives it one',
    };
  }
  return { config, problem: null };
}

function parseConfig(text: string): AgentConfig | null {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof AgentConfig, unknown>>;
    if (typeof value.user !== 'string' || !isTime(value.deadline) || !isTime(value.idleTimeoutSeconds))
      return null;
    return { user: value.user, deadline: value.deadline, idleTimeoutSeconds: value.idleTimeoutSeconds };
  } catch {
    return null;
  }
}

function isTime(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && Number.isFinite(value) && value > 0);
}
