import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { silentProgress } from '../domain/progress.ts';
import { scrubText } from '../lib/scrub.ts';
import { afterCommand } from './after-command.ts';
import type { Cli, CliServices } from './cli.ts';
import type { CommandSpec } from './command.ts';
import { completeWord } from './completion-scripts.ts';
import type { GlobalFlags } from './global-flags.ts';
import { type Line, parseLine } from './parse-line.ts';
import { createProgressView } from './render/create-progress.ts';
import { renderError, renderErrorJson } from './render/error.ts';
import type { ProgressView } from './render/progress-view.ts';
import { canAsk, makePaint, type Terminal, wantsColor } from './render/terminal.ts';
import { formatJson } from './render/text.ts';

export interface CliRun {
  argv: readonly string[];
  services: CliServices;
  terminal: Terminal;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  signal: AbortSignal;
  /** ms */
  now: () => number;
}

/**
 * Runs one command line and prints all that there is to say about it.
 * @returns the exit status: the command's own, or that of its error's code
 */
export async function runCli(run: CliRun): Promise<number> {
  if (run.argv[0] === completeWord) return complete(run);
  const flags = guessFlags(run.argv);
  let view: ProgressView | undefined;
  try {
    const line = await parseLine(run.argv, lookOf(run.terminal, flags));
    if (line.kind !== 'command') return printInformation(run, line);
    view = createProgressView(run.terminal, line.flags, run.now);
    const cli = createCli(run, line.flags, view);
    const status = await sayWhenStopping(run.signal, view, line.spec, async () =>
      line.spec.run(line.input, cli),
    );
    await afterCommand(line.spec, line.input, cli);
    return status ?? 0;
  } catch (error) {
    view?.stop();
    return await printError(run, flags, error);
  } finally {
    view?.stop();
  }
}

/** A command that does not stop at once says that it is about to, so that nobody presses Ctrl-C again for want of a sign. */
async function sayWhenStopping<T>(
  signal: AbortSignal,
  view: ProgressView,
  { onStop = 'stopping' }: CommandSpec,
  work: () => Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => view.note(`${onStop} (Ctrl-C again: stop at once)`), 250);
  };
  signal.addEventListener('abort', onAbort);
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}

/** Called by the shell on each press of the tab key. Never fails: a shell in the middle of a line is no place for it. */
async function complete(run: CliRun): Promise<number> {
  const { services, signal, terminal, argv } = run;
  try {
    const { answerCompletion } = await import('./complete-request.ts');
    const app = services.createContext({ progress: silentProgress, signal, mayAsk: false });
    terminal.out.write(await answerCompletion(argv.slice(1), { ...services, app }));
    return 0;
  } catch {
    return 1;
  }
}

/**
 * For what nobody caught, such as an error event of a stream: prints it and where its report is.
 * @returns the exit status
 */
export async function printUncaught(run: CliRun, error: unknown): Promise<number> {
  return printError(run, guessFlags(run.argv), error);
}

/**
 * For the second Ctrl-C, which ends the process with whatever it was doing: prints what may be left, and what removes it.
 * @param unfinished the instances that were being made, changed or destroyed
 * @returns the exit status
 */
export function printStoppedAtOnce(run: CliRun, unfinished: readonly Instance[]): number {
  const halfThere = unfinished.filter(({ phase }) => phase !== 'ready').map(({ name }) => name);
  const others = unfinished.filter(({ phase }) => phase === 'ready').map(({ name }) => name);
  const left = halfThere.length === 0 ? '' : `; ${halfThere.join(', ')} may still be there, and cost money`;
  const error = new SpuffError('interrupted', `stopped at once${left}`, {
    hints: [
      ...(halfThere.length === 0 ? [] : [`remove it: spuff down ${halfThere.join(' ')}`]),
      ...(others.length === 0 ? [] : [`see how ${others.join(', ')} stands: spuff ls --refresh`]),
    ],
  });
  writeError(run, guessFlags(run.argv), error);
  return error.exitStatus;
}

/** The flags as far as they can be told before the line is parsed: an error in it must be printed right too. */
function guessFlags(argv: readonly string[]): GlobalFlags {
  const end = argv.indexOf('--');
  const words = new Set(end < 0 ? argv : argv.slice(0, end));
  return {
    verbose: words.has('--verbose') || words.has('-v'),
    quiet: words.has('--quiet') || words.has('-q'),
    color: !words.has('--no-color'),
    input: !words.has('--no-input'),
    json: words.has('--json'),
  };
}

function lookOf(terminal: Terminal, flags: GlobalFlags): { columns: number; bold: (text: string) => string } {
  const paint = makePaint(wantsColor(terminal, terminal.out, flags.color));
  return { columns: Math.min(terminal.out.columns(), 120), bold: (text) => paint('bold', text) };
}

function printInformation(run: CliRun, line: Exclude<Line, { kind: 'command' }>): number {
  run.terminal.out.write(line.kind === 'help' ? line.text : `${run.services.version}\n`);
  return 0;
}

function createCli(run: CliRun, flags: GlobalFlags, view: ProgressView): Cli {
  const { terminal, services, signal } = run;
  const writeLine = (text: string) => view.makeRoom(() => terminal.out.write(`${text}\n`));
  return {
    context: services.createContext({ progress: view, signal, mayAsk: flags.input }),
    services,
    terminal,
    flags,
    paint: makePaint(wantsColor(terminal, terminal.out, flags.color)),
    canAsk: canAsk(terminal, flags.input),
    print: writeLine,
    printJson: (value) => writeLine(formatJson(value)),
    printError: (error) => view.makeRoom(() => writeError(run, flags, error)),
    say: (text) => {
      if (!flags.quiet) view.makeRoom(() => terminal.err.write(`${text}\n`));
    },
  };
}

async function printError(run: CliRun, flags: GlobalFlags, error: unknown): Promise<number> {
  const shown = await toSpuffError(run, error);
  writeError(run, flags, shown);
  return shown.exitStatus;
}

function writeError(run: CliRun, flags: GlobalFlags, shown: SpuffError): void {
  if (flags.json) {
    run.terminal.err.write(`${formatJson(renderErrorJson(shown))}\n`);
  } else {
    const paint = makePaint(wantsColor(run.terminal, run.terminal.err, flags.color));
    run.terminal.err.write(renderError(shown, { paint, verbose: flags.verbose }));
  }
}

async function toSpuffError(run: CliRun, error: unknown): Promise<SpuffError> {
  if (error instanceof SpuffError && error.code !== 'internal') return error;
  if (run.signal.aborted && (error === run.signal.reason || isAbort(error))) {
    return new SpuffError('interrupted', 'stopped', { cause: error });
  }
  const path = await run.services.reportBug(error, run.argv);
  // Nobody has worded it for a user: it may tell of a request with its headers.
  const message = scrubText(error instanceof Error ? error.message : String(error));
  return new SpuffError('internal', `a bug in spuff: ${message}`, {
    hints: [
      ...(error instanceof SpuffError ? error.hints : []),
      ...(path === null ? [] : [`what is known about it is in ${path}; please add it to a bug report`]),
    ],
    cause: error,
  });
}

function isAbort(error: unknown): boolean {
  return (
    error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ABORT_ERR'))
  );
}
