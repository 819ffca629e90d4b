import { stripVTControlCharacters } from 'node:util';
import type { ProgressStep } from '../../domain/progress.ts';
import { escapeText } from '../../lib/escape.ts';
import type { ProgressView } from './progress-view.ts';
import type { OutputStream, Paint } from './terminal.ts';
import { widthOf } from './text.ts';
import { formatElapsed, warningLines } from './warning.ts';

export interface LiveProgressOptions {
  stream: OutputStream;
  paint: Paint;
  unicode: boolean;
  /** Also traces. */
  verbose: boolean;
  /** ms */
  now: () => number;
}

interface RunningStep {
  title: string;
  detail: string;
  startedAtMs: number;
}

const frameMs = 120;
const clearDown = '\x1b[0J';
const spinners = {
  unicode: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
  ascii: ['|', '/', '-', '\\'],
};

/**
 * Progress on a terminal: one line a running step, redrawn in place at the bottom; finished steps stay above it. The
 * cursor always waits below the last line, so that whatever prints next, also after a crash, begins a line of its own.
 */
export class LiveProgress implements ProgressView {
  readonly #options: LiveProgressOptions;
  readonly #running = new Set<RunningStep>();
  /** What stands on the screen to be replaced. */
  #drawn: readonly string[] = [];
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;
  #endResize: (() => void) | undefined;

  constructor(options: LiveProgressOptions) {
    this.#options = options;
  }

  start(title: string): ProgressStep {
    const { now, paint, unicode } = this.#options;
    const step: RunningStep = {
      title: escapeText(title, { singleLine: true }),
      detail: '',
      startedAtMs: now(),
    };
    this.#running.add(step);
    this.#run();
    const end = (mark: string, detail: string | undefined) => {
      if (!this.#running.delete(step)) return;
      const more = detail === undefined ? '' : `: ${escapeText(detail, { singleLine: true })}`;
      const elapsed = paint('dim', formatElapsed(now() - step.startedAtMs));
      this.#printAbove([`${mark} ${step.title}${more} ${elapsed}`]);
      if (this.#running.size === 0) this.stop();
    };
    return {
      update: (detail) => {
        step.detail = escapeText(detail, { singleLine: true });
        this.#draw();
      },
      done: (detail) => end(paint('green', unicode ? '✓' : '+'), detail),
      fail: (detail) => end(paint('red', unicode ? '✗' : 'x'), detail),
    };
  }

  note(text: string): void {
    this.#printAbove([`  ${escapeText(text, { singleLine: true })}`]);
  }

  warn(text: string, hints?: readonly string[]): void {
    this.#printAbove(warningLines(this.#options.paint, text, hints));
  }

  trace(text: string): void {
    const line = `  ${escapeText(text, { singleLine: true })}`;
    if (this.#options.verbose) this.#printAbove([this.#options.paint('dim', line)]);
  }

  makeRoom(write: () => void): void {
    this.#erase();
    write();
    this.#draw();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#endResize?.();
    this.#endResize = undefined;
    // Steps that were cut short stay on the screen as they were.
    this.#drawn = [];
  }

  #run(): void {
    this.#endResize ??= this.#options.stream.onResize(() => this.#draw());
    this.#timer ??= setInterval(() => {
      this.#frame += 1;
      this.#draw();
    }, frameMs).unref();
    this.#draw();
  }

  #printAbove(lines: readonly string[]): void {
    this.makeRoom(() => this.#options.stream.write(lines.map((line) => `${line}\n`).join('')));
  }

  #draw(): void {
    if (!this.#timer) return;
    const columns = this.#options.stream.columns();
    const lines = [...this.#running].map((step) => this.#lineOf(step, columns));
    this.#options.stream.write(
      `${this.#upToFirst()}${clearDown}${lines.map((line) => `${line}\n`).join('')}`,
    );
    this.#drawn = lines;
  }

  #erase(): void {
    if (this.#drawn.length === 0) return;
    this.#options.stream.write(`${this.#upToFirst()}${clearDown}`);
    this.#drawn = [];
  }

  /** A terminal that got narrower has wrapped the lines, so their rows are counted with the width of now. */
  #upToFirst(): string {
    const columns = this.#options.stream.columns();
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(widthOf(stripVTControlCharacters(line)) / columns)),
      0,
    );
    return rows === 0 ? '' : `\x1b[${rows}A\r`;
  }

  #lineOf(step: RunningStep, columns: number): string {
    const { now, paint, unicode } = this.#options;
    const frames = unicode ? spinners.unicode : spinners.ascii;
    const spinner = frames[this.#frame % frames.length] ?? '';
    const elapsed = formatElapsed(now() - step.startedAtMs);
    // One column stays free: some terminals wrap when the last one is written.
    const room = columns - 1 - widthOf(spinner) - 1 - elapsed.length - 1;
    const text = cut(step.detail === '' ? step.title : `${step.title}: ${step.detail}`, room);
    return `${paint('cyan', spinner)} ${text} ${paint('dim', elapsed)}`;
  }
}

function cut(text: string, columns: number): string {
  let kept = '';
  let width = 0;
  for (const char of text) {
    width += widthOf(char);
    if (width > columns) return kept;
    kept += char;
  }
  return kept;
}
