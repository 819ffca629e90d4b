import type { ProgressStep } from '../../domain/progress.ts';
import { escapeText } from '../../lib/escape.ts';
import type { ProgressView } from './progress-view.ts';
import type { OutputStream, Paint } from './terminal.ts';
import { formatElapsed, warningLines } from './warning.ts';

export interface PlainProgressOptions {
  stream: OutputStream;
  paint: Paint;
  /** Also the details of running steps, and traces. */
  verbose: boolean;
  /** ms */
  now: () => number;
}

/** Progress for logs and pipes: a line when a step begins and one when it ends, never rewritten. */
export class PlainProgress implements ProgressView {
  readonly #options: PlainProgressOptions;

  constructor(options: PlainProgressOptions) {
    this.#options = options;
  }

  start(title: string): ProgressStep {
    const { now, verbose } = this.#options;
    const name = escapeText(title, { singleLine: true });
    const startedAtMs = now();
    this.#line(`${name} ...`);
    const end = (how: string, detail: string | undefined) => {
      const more = detail === undefined ? '' : `: ${escapeText(detail, { singleLine: true })}`;
      this.#line(`${name} ${how} (${formatElapsed(now() - startedAtMs)})${more}`);
    };
    return {
      update: (detail) => {
        if (verbose) this.#line(`${name}: ${escapeText(detail, { singleLine: true })}`);
      },
      done: (detail) => end('done', detail),
      fail: (detail) => end('FAILED', detail),
    };
  }

  note(text: string): void {
    this.#line(escapeText(text, { singleLine: true }));
  }

  warn(text: string, hints?: readonly string[]): void {
    for (const line of warningLines(this.#options.paint, text, hints)) this.#line(line);
  }

  trace(text: string): void {
    if (this.#options.verbose) this.note(text);
  }

  makeRoom(write: () => void): void {
    write();
  }

  stop(): void {
    // Every line is already complete.
  }

  #line(text: string): void {
    this.#options.stream.write(`${text}\n`);
  }
}
