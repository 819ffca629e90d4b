import { type AgentErrorCode, agentErrors } from '../protocol/routes.ts';

/** A refusal that the caller is told about. `message` and `hint` must not repeat what the caller sent unescaped. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;
  readonly hint: string | null;
  /** Further response headers, such as `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: AgentErrorCode,
    message: string,
    info: { hint?: string; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, info.cause === undefined ? undefined : { cause: info.cause });
    this.name = 'AgentError';
    this.code = code;
    this.hint = info.hint ?? null;
    this.headers = info.headers ?? {};
  }

  get status(): number {
    return agentErrors[this.code];
  }

  get body(): { error: { code: AgentErrorCode; message: string; hint: string | null } } {
    return { error: { code: this.code, message: this.message, hint: this.hint } };
  }
}
