/** How a use case tells what it is doing. The CLI draws it: live on a terminal, plain lines elsewhere. */
export interface Progress {
  /** Begins a step; exactly one of its ends must follow. */
  start(title: string): ProgressStep;
  /** A line worth reading that is not a step, such as what a size was resolved to. */
  note(text: string): void;
  warn(text: string, hints?: readonly string[]): void;
  /** For those who asked for more than the steps, with `--verbose`: each request to a provider. */
  trace(text: string): void;
}

export interface ProgressStep {
  /** Changes the text behind the title of a running step. */
  update(detail: string): void;
  done(detail?: string): void;
  fail(detail?: string): void;
}

/** For callers that want no output, such as tests. */
export const silentProgress: Progress = {
  start: () => ({ update: () => undefined, done: () => undefined, fail: () => undefined }),
  note: () => undefined,
  warn: () => undefined,
  trace: () => undefined,
};
