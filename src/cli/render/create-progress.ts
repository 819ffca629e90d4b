import type { GlobalFlags } from '../global-flags.ts';
import { LiveProgress } from './progress-live.ts';
import { PlainProgress } from './progress-plain.ts';
import type { ProgressView } from './progress-view.ts';
import { isLive, makePaint, showsUnicode, type Terminal, wantsColor } from './terminal.ts';

/** Live on a terminal, plain lines elsewhere, nothing with `--quiet`. */
export function createProgressView(
  terminal: Terminal,
  flags: Pick<GlobalFlags, 'quiet' | 'verbose' | 'color'>,
  now: () => number,
): ProgressView {
  if (flags.quiet) return quietProgress;
  const paint = makePaint(wantsColor(terminal, terminal.err, flags.color));
  // `--no-color` asks for plain text, and moving lines are made of escape sequences.
  if (!flags.color || !isLive(terminal))
    return new PlainProgress({ stream: terminal.err, paint, verbose: flags.verbose, now });
  return new LiveProgress({
    stream: terminal.err,
    paint,
    unicode: showsUnicode(terminal),
    verbose: flags.verbose,
    now,
  });
}

const quietProgress: ProgressView = {
  start: () => ({ update: () => undefined, done: () => undefined, fail: () => undefined }),
  note: () => undefined,
  warn: () => undefined,
  trace: () => undefined,
  makeRoom: (write) => write(),
  stop: () => undefined,
};
