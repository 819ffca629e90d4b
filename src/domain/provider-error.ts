/** What a provider throws: one closed set of codes over all clouds. */
import { type ErrorCode, SpuffError } from './errors.ts';
import type { ProviderId } from './provider.ts';

export type ProviderErrorCode =
  | 'auth'
  | 'forbidden'
  | 'account-locked'
  | 'rate-limited'
  | 'quota'
  | 'capacity'
  | 'region-unavailable'
  | 'deprecated'
  | 'invalid'
  | 'not-found'
  | 'conflict'
  | 'name-taken'
  | 'protected'
  | 'idempotency-mismatch'
  | 'action-failed'
  | 'ambiguous'
  | 'server'
  | 'network'
  | 'timeout'
  | 'protocol';

const toErrorCode: Record<ProviderErrorCode, ErrorCode> = {
  auth: 'auth',
  forbidden: 'auth',
  'account-locked': 'auth',
  'rate-limited': 'provider',
  quota: 'quota',
  capacity: 'quota',
  'region-unavailable': 'quota',
  deprecated: 'provider',
  invalid: 'provider',
  'not-found': 'not-found',
  conflict: 'conflict',
  'name-taken': 'conflict',
  protected: 'provider',
  'idempotency-mismatch': 'provider',
  'action-failed': 'provider',
  ambiguous: 'provider',
  server: 'provider',
  network: 'unavailable',
  timeout: 'timeout',
  protocol: 'provider',
};

export interface ProviderErrorInfo {
  provider: ProviderId;
  /** The method of the port that failed. */
  op: string;
  /** True only if the request provably had no effect, or is safe to repeat. */
  retryable: boolean;
  status?: number;
  rawCode?: string;
  requestId?: string;
  retryAfterMs?: number;
  field?: string;
}

export class ProviderError extends SpuffError {
  readonly providerCode: ProviderErrorCode;
  readonly info: ProviderErrorInfo;

  constructor(
    code: ProviderErrorCode,
    message: string,
    info: ProviderErrorInfo & { hints?: readonly string[]; cause?: unknown },
  ) {
    const { hints, cause, ...rest } = info;
    super(toErrorCode[code], message, { ...(hints && { hints }), cause });
    this.name = 'ProviderError';
    this.providerCode = code;
    this.info = rest;
  }
}
