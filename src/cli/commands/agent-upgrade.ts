import { findReadyInstance } from '../../app/find-instance.ts';
import { upgradeAgent } from '../../app/upgrade-agent.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { instanceToJson } from '../render/instance.ts';

export const agentUpgrade = defineCommand({
  name: 'agent upgrade',
  summary: 'bring spuff-agent to the version of this spuff',
  details: [
    'It is uploaded over SSH; the machine downloads nothing. An agent that is current already is left alone.',
  ],
  arguments: { name: instanceArgument },
  options: {},
  examples: [{ command: 'spuff agent upgrade demo', about: 'after spuff itself was updated' }],
  json: 'instances',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await upgradeAgent(cli.context, await findReadyInstance(cli.context, name));
    if (cli.flags.json) cli.printJson({ version: 1, instances: [instanceToJson(instance)] });
    else cli.print(`the agent on ${instance.name} is ${instance.agent?.version}`);
  },
});
