/** The one place that prints errors. */
import { errorCodes, SpuffError } from '../../domain/errors.ts';
import { escapeText } from '../../lib/escape.ts';
import { scrubText } from '../../lib/scrub.ts';
import { type NamedError, SeveralErrors } from '../several-errors.ts';
import type { Paint } from './terminal.ts';

/** `error:` and `hint:` lines. With `verbose`, the errors underneath as well, which others than spuff may have worded. */
export function renderError(error: SpuffError, options: { paint: Paint; verbose: boolean }): string {
  const { paint, verbose } = options;
  if (error instanceof SeveralErrors) {
    return error.errors.map((one) => renderError(nameError(one), options)).join('');
  }
  const lines = [`${paint('red', 'error:')} ${printable(error.message)}`];
  for (const hint of error.hints) lines.push(`${paint('cyan', 'hint:')} ${printable(hint)}`);
  if (verbose)
    for (const cause of causesOf(error))
      lines.push(`${paint('dim', 'cause:')} ${printable(scrubText(cause))}`);
  return `${lines.join('\n')}\n`;
}

/** The shape `error` of docs/json.md. */
export function renderErrorJson(error: SpuffError): object {
  return {
    version: 1,
    error: {
      code: error.code,
      message: error.message,
      hints: error.hints,
      exitStatus: error.exitStatus,
      retryHelps: errorCodes[error.code].retryHelps,
      ...(error instanceof SeveralErrors && {
        errors: error.errors.map((one) => ({
          name: one.name,
          code: one.error.code,
          message: one.error.message,
          hints: one.error.hints,
        })),
      }),
    },
  };
}

function nameError({ name, error }: NamedError): SpuffError {
  return new SpuffError(error.code, `${name}: ${error.message}`, { hints: error.hints, cause: error.cause });
}

function causesOf(error: Error): string[] {
  const causes: string[] = [];
  for (let cause = error.cause; cause instanceof Error && causes.length < 8; cause = cause.cause) {
    causes.push(cause.message);
  }
  return causes;
}

/** Hints and messages may run over several lines; continuation lines are indented. */
function printable(text: string): string {
  return escapeText(text).replaceAll('\n', '\n  ');
}
