import { findReadyInstance } from '../../app/find-instance.ts';
import { readAgentJournal } from '../../app/read-logs.ts';
import { escapeText } from '../../lib/escape.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument, wholeNumber } from '../parameters.ts';

export const agentLogs = defineCommand({
  name: 'agent logs',
  summary: "show spuff-agent's own log",
  details: [
    'Read from the journal of the machine over SSH, so that it can also tell why the agent does not ' +
      'answer.',
  ],
  arguments: { name: instanceArgument },
  options: {
    lines: wholeNumber('how many of the last lines (100)', { minimum: 1, maximum: 5_000 }, { short: 'n' }),
  },
  examples: [{ command: 'spuff agent logs demo -n 20', about: 'the last 20 lines' }],
  json: 'agent-logs',
  run: async ({ arguments: { name }, options }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const lines = await readAgentJournal(cli.context, instance, options.lines ?? 100);
    if (cli.flags.json) cli.printJson({ version: 1, instance: instance.name, lines });
    else if (lines.length > 0) cli.print(escapeText(lines.join('\n')));
  },
});
