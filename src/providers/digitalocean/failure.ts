import { ProviderError, type ProviderErrorCode } from '../../domain/provider-error.ts';

export const providerId = 'digitalocean';

/** A failure that spuff itself finds, with nothing of an answer in it. */
export function failure(
  code: ProviderErrorCode,
  op: string,
  message: string,
  more: { field?: string; retryable?: boolean; hints?: readonly string[]; cause?: unknown } = {},
): ProviderError {
  return new ProviderError(code, message, { provider: providerId, op, retryable: false, ...more });
}
