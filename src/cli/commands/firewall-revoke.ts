import { revokeNetworks } from '../../app/change-firewall.ts';
import { findInstance } from '../../app/find-instance.ts';
import { defineCommand } from '../command.ts';
import { argument, manyArguments } from '../parameters.ts';
import { printSources } from '../render/firewall.ts';

export const firewallRevoke = defineCommand({
  name: 'firewall revoke',
  summary: 'shut a network out of port 22 of an instance',
  arguments: {
    name: argument('NAME', 'the instance', { complete: 'instances' }),
    networks: manyArguments('NETWORK', 'as firewall show lists them, or my-ip', { required: true }),
  },
  options: {},
  examples: [{ command: 'spuff firewall revoke demo 198.51.100.0/24', about: 'take it back' }],
  json: 'firewall',
  run: async ({ arguments: { name, networks } }, cli) => {
    const instance = await findInstance(cli.context, name);
    printSources(cli, instance, await revokeNetworks(cli.context, instance, networks));
  },
});
