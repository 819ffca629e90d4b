import { keepTunnel, type TunnelEnd } from '../app/keep-tunnel.ts';
import { makeTunnelId } from '../app/open-ports.ts';
import type { TunnelEvent } from '../app/tunnel-event.ts';
import type { PortsRequest } from '../app/tunnel-ports.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProgressStep } from '../domain/progress.ts';
import type { TunnelRecord } from '../domain/tunnel.ts';
import type { Cli } from './cli.ts';
import { describeListener, describeOffer, describePort, tunnelToJson } from './render/tunnel.ts';

/** A tunnel in the foreground, which tells what happens to it. Ends by Ctrl-C, which is no failure here. */
export async function runTunnel(
  cli: Cli,
  instance: Instance,
  request: Pick<PortsRequest, 'ports' | 'anyPort' | 'auto'>,
): Promise<void> {
  const step = cli.context.progress.start(`connection to ${instance.name}`);
  const teller = createTeller(cli, step);
  try {
    const wanted = { ...request, id: makeTunnelId(), kind: 'foreground', onEvent: teller.tell } as const;
    const end = await keepTunnel(cli.context, instance, wanted);
    teller.finish();
    if (end !== 'stopped') cli.say(describeEnd(instance.name, end));
  } catch (error) {
    teller.finish();
    throw error;
  }
}

function describeEnd(name: string, end: Exclude<TunnelEnd, 'stopped'>): string {
  return end === 'destroyed'
    ? `${name} is destroyed, and the tunnel with it`
    : `the lease of ${name} is over`;
}

interface Teller {
  tell(event: TunnelEvent, record: TunnelRecord): void;
  /** The step that is open ends. */
  finish(): void;
}

function createTeller(cli: Cli, step: ProgressStep): Teller {
  let isOpen = true;
  let silent = new Set<number>();
  const close = (how: 'done' | 'fail') => {
    if (isOpen) step[how]();
    isOpen = false;
  };
  const printPorts = ({ name, ports }: TunnelRecord) => {
    for (const port of ports) cli.print(describePort(name, port));
  };
  return {
    finish: () => close('fail'),
    tell: (event, record) => {
      if (event.kind === 'connected') close('done');
      if (cli.flags.json) cli.printJson({ version: 1, tunnels: [tunnelToJson(record)] });
      else {
        if (event.kind === 'connected' && !event.again) printPorts(record);
        const line = describeEvent(event, record);
        if (line !== null) cli.say(line);
        for (const { remote } of record.ports.filter((port) => port.isListening && silent.has(port.remote)))
          cli.say(`something listens on port ${remote} of ${record.name} now`);
      }
      silent = new Set(record.ports.filter((port) => port.isListening === false).map(({ remote }) => remote));
    },
  };
}

/** null: nothing that a person needs to hear. */
function describeEvent(event: TunnelEvent, { name }: TunnelRecord): string | null {
  switch (event.kind) {
    case 'connected':
      return event.again ? `connected to ${name} again` : null;
    case 'lost':
      return `${event.error.message}; trying again until it is back`;
    case 'opened':
      return `localhost:${event.port.local} is ${describeListener(event.listener)} of ${name}`;
    case 'blocked':
      return `${event.error.message}; trying again until it is free`;
    case 'noticed':
      return describeOffer(name, event.listener);
    case 'changed':
      return null;
  }
}
