import { SpuffError, systemErrorCode } from '../../domain/errors.ts';
import { ProviderError, type ProviderErrorCode } from '../../domain/provider-error.ts';
import { escapeText } from '../../lib/escape.ts';
import { engineDenied, engineMissing } from './engine-socket.ts';

const codeOfStatus: Record<number, ProviderErrorCode> = {
  400: 'invalid',
  401: 'auth',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  429: 'rate-limited',
};

const fullDisk = /no space left on device|disk quota exceeded/i;

/** The HTTP status of an engine's answer, or undefined when it was no answer. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof ProviderError) return error.info.status;
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** What the engine said, made safe to print and cut to one line of sensible length. */
export function engineMessage(error: unknown): string {
  const answer = typeof error === 'object' && error !== null && 'json' in error ? error.json : undefined;
  const fromAnswer =
    typeof answer === 'object' && answer !== null && 'message' in answer ? answer.message : undefined;
  const text =
    typeof fromAnswer === 'string' ? fromAnswer : error instanceof Error ? error.message : String(error);
  return escapeText(text.trim(), { singleLine: true }).slice(0, 500);
}

function isConnecting(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'syscall' in error && error.syscall === 'connect';
}

/**
 * Turns what dockerode rejects with into an error of the port. Nothing that spuff asks of an engine takes effect twice
 * when it is asked twice, but for a snapshot, so all of it may be repeated unless `repeatable` is false.
 */
export function toProviderError(
  error: unknown,
  context: { op: string; where: string; repeatable: boolean },
): SpuffError {
  if (error instanceof SpuffError) return error;
  const { op, where, repeatable } = context;
  const status = statusOf(error);
  if (status === undefined) {
    const code = systemErrorCode(error);
    // The same codes of a file are not about the engine.
    const connects = isConnecting(error);
    if (connects && (code === 'EACCES' || code === 'EPERM')) return engineDenied(where, op);
    if (connects && (code === 'ENOENT' || code === 'ECONNREFUSED')) return engineMissing(op, where);
    return new ProviderError(
      'network',
      `the connection to the container engine broke: ${engineMessage(error)}`,
      {
        provider: 'local',
        op,
        retryable: repeatable,
        ...(code !== undefined && { rawCode: code }),
        cause: error,
      },
    );
  }
  const message = engineMessage(error);
  const full = fullDisk.test(message);
  return new ProviderError(
    full ? 'quota' : (codeOfStatus[status] ?? 'server'),
    `the container engine refused: ${message}`,
    {
      provider: 'local',
      op,
      retryable: status >= 500 && repeatable && !full,
      status,
      ...(full && {
        hints: ['free some space where the engine keeps its data: docker system df shows what takes it'],
      }),
      cause: error,
    },
  );
}
