/**
 * Every failure that a user can meet has one of these codes. The code decides the exit status and tells whether
 * doing the same thing again may help; scripts may rely on both.
 */
export const errorCodes = {
  usage: { exitStatus: 2, retryHelps: false, meaning: 'the command line is wrong' },
  config: { exitStatus: 3, retryHelps: false, meaning: 'a configuration file or setting is wrong' },
  'not-found': {
    exitStatus: 4,
    retryHelps: false,
    meaning: 'the named instance, snapshot or image does not exist',
  },
  conflict: {
    exitStatus: 5,
    retryHelps: true,
    meaning: 'the name is taken, or another spuff is at work on it',
  },
  state: { exitStatus: 6, retryHelps: false, meaning: 'the local state cannot be read or written' },
  unavailable: { exitStatus: 7, retryHelps: true, meaning: 'the provider or its engine cannot be reached' },
  auth: { exitStatus: 8, retryHelps: false, meaning: 'a credential is missing, refused, or lacks a scope' },
  'host-identity': {
    exitStatus: 9,
    retryHelps: false,
    meaning: 'the machine did not prove that it is the one we meant',
  },
  connection: { exitStatus: 10, retryHelps: true, meaning: 'the machine cannot be reached over SSH' },
  agent: { exitStatus: 11, retryHelps: true, meaning: 'spuff-agent does not answer, or answers wrongly' },
  timeout: { exitStatus: 12, retryHelps: true, meaning: 'something took longer than it may' },
  quota: {
    exitStatus: 13,
    retryHelps: false,
    meaning: 'the account, the provider or the monthly budget has no room for it',
  },
  provider: { exitStatus: 14, retryHelps: true, meaning: 'the provider refused or failed a request' },
  permission: {
    exitStatus: 15,
    retryHelps: false,
    meaning: 'a file is open to others, or may not be read or written',
  },
  unsupported: { exitStatus: 16, retryHelps: false, meaning: 'this provider or platform cannot do that' },
  setup: {
    exitStatus: 17,
    retryHelps: true,
    meaning: 'the machine is there, and what the project asks of it could not all be done',
  },
  internal: { exitStatus: 70, retryHelps: false, meaning: 'a bug in spuff' },
  interrupted: { exitStatus: 130, retryHelps: true, meaning: 'stopped by Ctrl-C or a signal' },
} as const satisfies Record<string, { exitStatus: number; retryHelps: boolean; meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;

export interface SpuffErrorInfo {
  /** What the user can do about it, one remedy each; a command is written so that it can be pasted. */
  hints?: readonly string[];
  cause?: unknown;
}

/**
 * A failure that spuff foresaw. `message` names the thing that failed, `hints` say what to do. Neither may hold text
 * from a remote that has not been through `escapeText`, nor a secret.
 */
export class SpuffError extends Error {
  readonly code: ErrorCode;
  readonly hints: readonly string[];

  constructor(code: ErrorCode, message: string, info: SpuffErrorInfo = {}) {
    super(message, info.cause === undefined ? undefined : { cause: info.cause });
    this.name = 'SpuffError';
    this.code = code;
    this.hints = info.hints ?? [];
  }

  get exitStatus(): number {
    return errorCodes[this.code].exitStatus;
  }
}

/** The `code` of a Node system error (`ENOENT`), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
