import { closeFirewall } from '../../app/change-firewall.ts';
import { findInstance } from '../../app/find-instance.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { printSources } from '../render/firewall.ts';

export const firewallClose = defineCommand({
  name: 'firewall close',
  summary: 'shut port 22 of an instance for everybody',
  details: ['Open it again with spuff firewall allow.'],
  arguments: { name: instanceArgument },
  options: {},
  examples: [{ command: 'spuff firewall close demo', about: 'nobody can connect any more' }],
  json: 'firewall',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await findInstance(cli.context, name);
    await closeFirewall(cli.context, instance);
    printSources(cli, instance, []);
  },
});
