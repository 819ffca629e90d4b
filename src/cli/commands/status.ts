import { findInstance } from '../../app/find-instance.ts';
import { type InstanceStatus, readStatus, statusError } from '../../app/instance-status.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, instanceArgument } from '../parameters.ts';
import { describeStatus, statusToJson } from '../render/status.ts';
import { isLive } from '../render/terminal.ts';

const watchIntervalMs = 2_000;

export const status = defineCommand({
  name: 'status',
  summary: 'show how an instance is',
  details: [
    'Asks the provider and the agent. Where one of them does not answer, the rest is shown all the ' +
      'same, and the exit status is that of the error. With --watch it goes on until Ctrl-C; with ' +
      '--json that is one object a line.',
  ],
  arguments: { name: instanceArgument },
  options: {
    detailed: flag('also the setup of its project, load, memory, disks and processes', { short: 'd' }),
    watch: flag('show it again every two seconds, until Ctrl-C', { short: 'w' }),
  },
  examples: [
    { command: 'spuff status', about: 'of the instance of this directory' },
    { command: 'spuff status demo --detailed', about: 'with its load and processes' },
    { command: 'spuff status demo --json', about: 'for a program' },
  ],
  json: 'status',
  run: async ({ arguments: { name }, options }, cli) => {
    const instance = await findInstance(cli.context, name);
    const read = () => readStatus(cli.context, instance, { detailed: options.detailed });
    if (options.watch) return watch(cli, read);
    const shown = await read();
    print(cli, shown);
    const error = statusError(shown);
    if (error) throw error;
  },
});

async function watch(cli: Cli, read: () => Promise<InstanceStatus>): Promise<void> {
  const { context, terminal } = cli;
  const redraws = !cli.flags.json && terminal.out.isTerminal && isLive(terminal);
  try {
    while (!terminal.out.isClosed()) {
      const shown = await read();
      // Home and clear in the same write as the text, so that nothing flickers.
      print(cli, shown, redraws ? '\x1b[H\x1b[2J' : '');
      await context.runtime.sleep(watchIntervalMs, context.signal);
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
}

function print(cli: Cli, shown: InstanceStatus, before = ''): void {
  if (cli.flags.json) cli.printJson(statusToJson(shown));
  else cli.print(before + describeStatus(shown, cli.paint));
}
