/**
 * The two files in /etc/spuff that spuff writes for its agent. Writer (bootstrap) and reader (agent) have their shape
 * from here: one that changes alone would lift the lease of every machine.
 */

/** What the owner has decided about the machine's life: /etc/spuff/agent.json. */
export interface AgentConfig {
  /** Who commands run as. */
  user: string;
  /** Unix time in seconds; null: no deadline. */
  deadline: number | null;
  /** null: never off for being idle. */
  idleTimeoutSeconds: number | null;
  /** What counts as use; what is left out is as `defaultThresholds` has it. */
  idle?: Partial<IdleThresholds>;
  /** How long the pre-down hook may take; without it `defaultPreDownSeconds`. */
  preDownSeconds?: number;
}

/** From which level on something counts as use of the machine. */
export interface IdleThresholds {
  /** Of all that is not the system's own. null: a tenth of the cores, and half a core at most. */
  cpuCores: number | null;
  /** Of what the user has started. */
  processCores: number;
  /** Of all containers together. */
  containerCores: number;
  /** Of both directions together. */
  networkBytesPerSecond: number;
}

export const defaultThresholds: IdleThresholds = {
  cpuCores: null,
  processCores: 0.03,
  containerCores: 0.1,
  networkBytesPerSecond: 50_000,
};

export const defaultPreDownSeconds = 60;

/** A program that the login user wants run before a machine goes, and where what it prints is kept. */
export const preDownPath = '/etc/spuff/pre-down';
export const preDownLogPath = '/var/log/spuff-pre-down.log';
export const preDownUnit = 'spuff-pre-down.service';

export const agentConfigPath = '/etc/spuff/agent.json';

/** The file of systemd's `EnvironmentFile=` that holds the SHA-256 of the token, and the variable it sets. */
export const agentEnvironmentPath = '/etc/spuff/agent.env';
export const agentTokenVariable = 'SPUFF_AGENT_TOKEN_SHA256';

export function renderAgentConfig(config: AgentConfig): string {
  // Written out, so that nothing else that the object may have gets into the file.
  const { user, deadline, idleTimeoutSeconds, idle, preDownSeconds } = config;
  return `${JSON.stringify({ user, deadline, idleTimeoutSeconds, idle, preDownSeconds })}\n`;
}

/** @returns null for anything that is not a whole configuration; keys that are not known are passed over */
export function parseAgentConfig(text: string): AgentConfig | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { user, deadline, idleTimeoutSeconds, idle, preDownSeconds } = value as Partial<
    Record<keyof AgentConfig, unknown>
  >;
  if (typeof user !== 'string' || !isLimit(deadline) || !isLimit(idleTimeoutSeconds)) return null;
  return {
    user,
    deadline,
    idleTimeoutSeconds,
    ...(typeof idle === 'object' && idle !== null && { idle: readThresholds(idle) }),
    ...(isLevel(preDownSeconds) && { preDownSeconds }),
  };
}

/** A level that makes no sense is as if it were left out: for its sake the whole lease must not count as damaged. */
function readThresholds(value: object): Partial<IdleThresholds> {
  const read: Partial<IdleThresholds> = {};
  for (const key of Object.keys(defaultThresholds) as (keyof IdleThresholds)[]) {
    const level = (value as Partial<Record<string, unknown>>)[key];
    if (isLevel(level)) read[key] = level;
  }
  return read;
}

function isLevel(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value < 1e12;
}

/**
 * @param tokenSha256 64 lower-case hex digits
 * @throws TypeError for anything else: it would be another line of the file
 */
export function renderAgentEnvironment(tokenSha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(tokenSha256)) throw new TypeError('a SHA-256 is 64 hex digits');
  return `${agentTokenVariable}=${tokenSha256}\n`;
}

/** Only null, written down, switches a limit off: a missing key does not. Seconds beyond the year 5000 are damage. */
function isLimit(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && value > 0 && value < 1e11);
}
