/** The program `spuff`: its terminal, its signals, its parts, and its end. */
import { type CliRun, printStoppedAtOnce, printUncaught, runCli } from '../cli/run-cli.ts';
import { compose } from './compose.ts';
import { listenForStop } from './signals.ts';
import { createTerminal } from './terminal.ts';

async function main(): Promise<never> {
  const stop = listenForStop(() => process.exit(printStoppedAtOnce(run, unfinished())));
  const { services, unfinished, close } = compose(stop);
  // Whichever way the program ends: the state's log is put away, and with it keys and tokens of machines that are gone.
  process.on('exit', close);
  const run: CliRun = {
    argv: process.argv.slice(2),
    terminal: createTerminal(),
    services,
    signal: stop.signal,
    now: Date.now,
  };
  process.on('uncaughtException', (error) => {
    void printUncaught(run, error).then((status) => process.exit(status));
  });
  const status = await runCli(run);
  // Connections that are kept for reuse would keep the process up as well.
  process.exit(status);
}

void main();
