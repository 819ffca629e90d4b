/** The program `spuff`: its terminal, its signals, its parts, and its end. */
import { type CliRun, printUncaught, runCli } from '../cli/run-cli.ts';
import { composeServices } from './compose.ts';
import { listenForStop } from './signals.ts';
import { createTerminal } from './terminal.ts';

const interrupted = 130;

async function main(): Promise<never> {
  const stop = listenForStop(() => process.exit(interrupted));
  const run: CliRun = {
    argv: process.argv.slice(2),
    terminal: createTerminal(),
    services: composeServices(stop),
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
