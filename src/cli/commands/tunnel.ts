import { findReadyInstance } from '../../app/find-instance.ts';
import { listTunnels, stopTunnels } from '../../app/tunnels.ts';
import { SpuffError } from '../../domain/errors.ts';
import { looksLikePort, parsePortWish, uniquePorts, writePort } from '../../domain/port-wish.ts';
import type { PortWish } from '../../domain/project.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, manyArguments, text } from '../parameters.ts';
import { formatTunnels, tunnelToJson } from '../render/tunnel.ts';
import { runTunnel } from '../run-tunnel.ts';
import { startTunnel } from '../start-tunnel.ts';

export const tunnel = defineCommand({
  name: 'tunnel',
  summary: 'reach ports of an instance at localhost',
  details: [
    'PORT is 3000, or 8080:3000 for port 3000 of the machine at localhost:8080. Only 127.0.0.1 of this ' +
      'computer listens. It goes on until Ctrl-C, and is built again after this computer slept, changed its ' +
      'network, or lost the machine for a while; it ends when the instance does.',
    'What begins to listen on the machine meanwhile, by a program of the login user, is told, and with ' +
      '--auto forwarded.',
  ],
  arguments: {
    words: manyArguments(
      'NAME/PORT',
      'the ports, and the instance: else the one of this directory, or the only one',
      {
        complete: 'instances',
      },
    ),
  },
  options: {
    name: text('NAME', 'the instance, where its name reads as a port', { complete: 'instances' }),
    anyPort: flag('take the next free local port where the wanted one is taken'),
    auto: flag('forward what begins to listen on the machine'),
    background: flag('go on when this command has ended', { short: 'b' }),
    status: flag('show the tunnels that run on this computer'),
    stop: flag('end those to the instance, or those of the named ports alone'),
  },
  examples: [
    { command: 'spuff tunnel 3000', about: 'port 3000 of the instance of this directory, at localhost:3000' },
    { command: 'spuff tunnel demo 8080:80 5432', about: 'two ports of demo, one of them elsewhere' },
    { command: 'spuff tunnel demo --auto', about: 'whatever listens there' },
    { command: 'spuff tunnel demo 3000 --background', about: 'and give the terminal back' },
    { command: 'spuff tunnel --status', about: 'what runs, and whether it is connected' },
    { command: 'spuff tunnel demo --stop', about: 'end all to demo' },
  ],
  json: 'tunnels',
  onStop: 'closing the tunnel',
  run: async ({ arguments: { words }, options }, cli) => {
    const { background, status, stop } = options;
    if ([background, status, stop].filter(Boolean).length > 1) {
      throw new SpuffError('usage', '--background, --status and --stop exclude each other');
    }
    const { name, ports: named } = readWords(words, options.name);
    if (status) return printStatus(cli, name);
    if (stop) return printStopped(cli, await stopTunnels(cli.context, { name, ports: named }));
    const instance = await findReadyInstance(cli.context, name);
    const ports = named.length > 0 ? named : ((await cli.context.project(instance.directory))?.ports ?? []);
    if (ports.length === 0 && !options.auto) throw noPorts();
    const request = { ports, anyPort: options.anyPort, auto: options.auto };
    if (background) return startTunnel(cli, instance, request);
    return runTunnel(cli, instance, request);
  },
});

function noPorts(): SpuffError {
  return new SpuffError('usage', 'which ports?', {
    hints: [
      'name them: spuff tunnel 3000, or under ports: in spuff.yaml',
      'or forward whatever listens there: spuff tunnel --auto',
    ],
  });
}

/** @throws SpuffError `usage` for two names, and for what is no port */
function readWords(
  words: readonly string[],
  named: string | undefined,
): { name: string | undefined; ports: PortWish[] } {
  const names = [...(named === undefined ? [] : [named]), ...words.filter((word) => !looksLikePort(word))];
  if (names.length > 1) {
    throw new SpuffError('usage', `one tunnel leads to one instance, and not to ${names.join(' and ')}`, {
      hints: [`start one for each: spuff tunnel ${names[0]} 3000 --background`],
    });
  }
  return { name: names[0], ports: uniquePorts(words.filter(looksLikePort).map(parsePortWish)) };
}

async function printStatus(cli: Cli, name: string | undefined): Promise<void> {
  const tunnels = await listTunnels(cli.context, name);
  if (cli.flags.json) cli.printJson({ version: 1, tunnels: tunnels.map(tunnelToJson) });
  else if (tunnels.length === 0) cli.say('no tunnel runs here');
  else cli.print(formatTunnels(tunnels, { nowMs: cli.context.runtime.now(), paint: cli.paint }));
}

function printStopped(cli: Cli, tunnels: Awaited<ReturnType<typeof stopTunnels>>): void {
  if (cli.flags.json) cli.printJson({ version: 1, tunnels: tunnels.map(tunnelToJson) });
  for (const { name, ports } of tunnels) {
    const which = ports.length === 0 ? '' : ` (${ports.map(writePort).join(', ')})`;
    cli.say(`the tunnel to ${name}${which} is ended`);
  }
}
