import { findReadyInstance } from '../../app/find-instance.ts';
import { keepTunnel } from '../../app/keep-tunnel.ts';
import { SpuffError } from '../../domain/errors.ts';
import { parsePortWish } from '../../domain/port-wish.ts';
import { defineCommand } from '../command.ts';
import { flag, manyArguments, text } from '../parameters.ts';

/** What `spuff tunnel --background` starts. */
export const keepTunnelCommand = defineCommand({
  name: 'keep-tunnel',
  summary: 'be a tunnel that runs in the background',
  hidden: true,
  arguments: { ports: manyArguments('PORT', 'the ports') },
  options: {
    key: text('KEY', 'the instance'),
    id: text('ID', 'of the tunnel'),
    anyPort: flag('take other local ports where these are taken'),
    auto: flag('forward what begins to listen'),
  },
  examples: [
    {
      command: 'spuff keep-tunnel 3000 --key 01k0demo00000000000000000000 --id 0123abcd --json',
      about: 'as spuff tunnel --background says it',
    },
  ],
  json: 'tunnels',
  run: async ({ arguments: { ports }, options: { key, id, anyPort, auto } }, cli) => {
    if (key === undefined || !/^[0-9a-f]{8}$/.test(id ?? '')) {
      throw new SpuffError('usage', 'this is for spuff itself', { hints: ['say spuff tunnel --background'] });
    }
    const instance = await findReadyInstance(cli.context, key);
    await keepTunnel(cli.context, instance, {
      ...{ id: id ?? '', kind: 'background', anyPort, auto },
      ports: ports.map(parsePortWish),
      onEvent: () => undefined,
    });
  },
});
