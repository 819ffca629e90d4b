import { type Explanation, explainIdleness } from '../../app/explain-idleness.ts';
import { findInstance } from '../../app/find-instance.ts';
import type { Instance } from '../../domain/instance.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, instanceArgument } from '../parameters.ts';
import { isLive, showsUnicode } from '../render/terminal.ts';
import { describeWhy, summarizeWhy, whyToJson } from '../render/why.ts';

const watchIntervalMs = 10_000;

export const why = defineCommand({
  name: 'why',
  summary: 'show why an instance is on, and what would turn it off when',
  details: [
    'Each sign of use, since when, what follows from it, and what it costs until then; below that the ' +
      'last hours, a row for each sign: the low marks are below what counts as use, the high ones above.',
    'A machine that is off or does not answer is said to be, with what the provider knows; the exit ' +
      'status is 0 then too. With --watch it goes on until Ctrl-C and rings when the machine is about ' +
      'to power off; where it cannot draw, it prints a line when something changes.',
  ],
  arguments: { name: instanceArgument },
  options: { watch: flag('show it again every ten seconds, until Ctrl-C', { short: 'w' }) },
  examples: [
    { command: 'spuff why demo', about: 'what keeps it on, or what will turn it off' },
    { command: 'spuff why demo --watch', about: 'be told before it powers off, in a window of its own' },
    { command: 'spuff why demo --json', about: 'for a program' },
  ],
  json: 'why',
  run: async ({ arguments: { name }, options }, cli) => {
    const instance = await findInstance(cli.context, name);
    if (options.watch) return watch(cli, instance);
    print(cli, await explainIdleness(cli.context, instance, { history: true }));
  },
});

async function watch(cli: Cli, instance: Instance): Promise<void> {
  const { context, terminal } = cli;
  const redraws = !cli.flags.json && terminal.out.isTerminal && isLive(terminal);
  let wasWarned = false;
  let saidBefore = '';
  try {
    while (!terminal.out.isClosed() && !context.signal.aborted) {
      const shown = await explainIdleness(context, instance, { history: redraws });
      const isWarned = shown.verdict?.isWarned ?? false;
      const bell = isWarned && !wasWarned && terminal.out.isTerminal ? '\u0007' : '';
      wasWarned = isWarned;
      const key = `${shown.verdict?.inUse} ${shown.verdict?.reason} ${isWarned} ${shown.machine.ok}`;
      if (redraws || cli.flags.json) print(cli, shown, `\x1b[H\x1b[2J${bell}`);
      else if (key !== saidBefore) cli.print(bell + summarizeWhy(shown));
      saidBefore = key;
      await context.runtime.sleep(watchIntervalMs, context.signal);
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
}

function print(cli: Cli, shown: Explanation, before = ''): void {
  if (cli.flags.json) {
    cli.printJson(whyToJson(shown));
    return;
  }
  const { terminal, paint } = cli;
  const look = { columns: terminal.out.columns(), unicode: showsUnicode(terminal), paint };
  cli.print(before + describeWhy(shown, look));
}
