import { askAgent } from '../../app/ask-agent.ts';
import { findReadyInstance } from '../../app/find-instance.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { describeMetrics } from '../render/machine.ts';

export const agentMetrics = defineCommand({
  name: 'agent metrics',
  summary: 'show load, memory, disks and network of an instance',
  arguments: { name: instanceArgument },
  options: {},
  examples: [{ command: 'spuff agent metrics demo', about: 'as of now' }],
  json: 'agent-metrics',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const metrics = await askAgent(cli.context, instance, 'metrics');
    if (cli.flags.json) cli.printJson({ version: 1, instance: instance.name, metrics });
    else cli.print(describeMetrics(metrics, cli.paint));
  },
});
