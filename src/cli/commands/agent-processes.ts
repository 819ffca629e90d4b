import { askAgent } from '../../app/ask-agent.ts';
import { findReadyInstance } from '../../app/find-instance.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument, text, wholeNumber } from '../parameters.ts';
import { describeProcesses } from '../render/machine.ts';

export const agentProcesses = defineCommand({
  name: 'agent processes',
  summary: 'show the processes of an instance that use the most',
  arguments: { name: instanceArgument },
  options: {
    sort: text('BY', 'by cpu or memory (cpu)', { choices: ['cpu', 'memory'] }),
    limit: wholeNumber('how many (20)', { minimum: 1, maximum: 200 }, { short: 'n' }),
  },
  examples: [
    { command: 'spuff agent processes demo', about: 'the busiest' },
    { command: 'spuff agent processes demo --sort memory -n 5', about: 'the five largest' },
  ],
  json: 'agent-processes',
  run: async ({ arguments: { name }, options }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const processes = await askAgent(cli.context, instance, 'processes', {
      ...(options.sort !== undefined && { sort: options.sort === 'memory' ? 'memory' : 'cpu' }),
      ...(options.limit !== undefined && { limit: String(options.limit) }),
    });
    if (cli.flags.json) cli.printJson({ version: 1, instance: instance.name, ...processes });
    else cli.print(describeProcesses(processes, cli.paint));
  },
});
