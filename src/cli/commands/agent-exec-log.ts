import { askAgent } from '../../app/ask-agent.ts';
import { findReadyInstance } from '../../app/find-instance.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument, wholeNumber } from '../parameters.ts';
import { formatTable, formatTime } from '../render/text.ts';

export const agentExecLog = defineCommand({
  name: 'agent exec-log',
  summary: 'show the commands that were run through the agent',
  details: [
    'Only what programs asked the agent to run. Commands of spuff exec and of sessions go through ' + 'SSH.',
  ],
  arguments: { name: instanceArgument },
  options: {
    limit: wholeNumber('how many, the newest first (50)', { minimum: 1, maximum: 1_000 }, { short: 'n' }),
  },
  examples: [{ command: 'spuff agent exec-log demo -n 10', about: 'the last ten' }],
  json: 'agent-exec-log',
  run: async ({ arguments: { name }, options }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const answer = await askAgent(cli.context, instance, 'execLog', {
      ...(options.limit !== undefined && { limit: String(options.limit) }),
    });
    if (cli.flags.json) {
      cli.printJson({ version: 1, instance: instance.name, ...answer });
      return;
    }
    const nowMs = cli.context.runtime.now();
    const rows = answer.entries.map((entry) => [
      formatTime(entry.startedAt, nowMs) ?? '',
      entry.user,
      entry.outcome ?? 'running',
      entry.signal ?? (entry.exitCode === null ? '' : String(entry.exitCode)),
      entry.argv.join(' '),
    ]);
    if (rows.length === 0) cli.say('nothing was run through the agent');
    else
      cli.print(
        formatTable(rows, { header: ['STARTED', 'USER', 'END', 'STATUS', 'COMMAND'], paint: cli.paint }),
      );
    if (answer.damagedLines > 0) cli.say(`(${answer.damagedLines} lines of the log can not be read)`);
    if (answer.droppedEntries > 0)
      cli.say(`(${answer.droppedEntries} older commands are no longer in the log)`);
  },
});
