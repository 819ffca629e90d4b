import { showFirewall } from '../../app/change-firewall.ts';
import { findInstance } from '../../app/find-instance.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { printSources } from '../render/firewall.ts';

export const firewallShow = defineCommand({
  name: 'firewall show',
  summary: 'show who may reach port 22 of an instance',
  arguments: { name: instanceArgument },
  options: {},
  examples: [{ command: 'spuff firewall show demo', about: 'the networks that are let in' }],
  json: 'firewall',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await findInstance(cli.context, name);
    printSources(cli, instance, await showFirewall(cli.context, instance));
  },
});
