import { allowNetworks } from '../../app/change-firewall.ts';
import { findInstance } from '../../app/find-instance.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument, manyArguments } from '../parameters.ts';
import { printSources } from '../render/firewall.ts';

export const firewallAllow = defineCommand({
  name: 'firewall allow',
  summary: 'let another network reach port 22 of an instance',
  details: ['Without NETWORK it is the address that you have now.'],
  arguments: {
    name: instanceArgument,
    networks: manyArguments('NETWORK', 'an address, a network such as 198.51.100.0/24, or my-ip'),
  },
  options: {},
  examples: [
    { command: 'spuff firewall allow demo', about: 'the address that you have now, after it has changed' },
    { command: 'spuff firewall allow demo 198.51.100.0/24', about: "a colleague's network" },
  ],
  json: 'firewall',
  run: async ({ arguments: { name, networks } }, cli) => {
    const instance = await findInstance(cli.context, name);
    const wanted = networks.length > 0 ? networks : ['my-ip'];
    printSources(cli, instance, await allowNetworks(cli.context, instance, wanted));
  },
});
