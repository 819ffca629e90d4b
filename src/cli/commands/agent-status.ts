import { askAgent } from '../../app/ask-agent.ts';
import { findReadyInstance } from '../../app/find-instance.ts';
import { formatBytes } from '../../domain/bytes.ts';
import { formatDuration } from '../../domain/duration.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { formatFields, formatTime } from '../render/text.ts';

export const agentStatus = defineCommand({
  name: 'agent status',
  summary: 'show how spuff-agent is',
  arguments: { name: instanceArgument },
  options: {},
  examples: [{ command: 'spuff agent status demo', about: 'its version, memory, limits and problems' }],
  json: 'agent-status',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const answer = await askAgent(cli.context, instance, 'status');
    if (cli.flags.json) {
      cli.printJson({ version: 1, instance: instance.name, agent: answer });
      return;
    }
    const nowMs = cli.context.runtime.now();
    const { machine, exec, lease, shutdown } = answer;
    const fields = formatFields(
      [
        ['version', `${answer.version} (${answer.runtime})`],
        ['up', formatDuration(answer.uptimeSeconds * 1_000)],
        ['memory', formatBytes(answer.residentBytes)],
        ['commands', `${exec.running} of at most ${exec.maximum} running, as ${answer.user}`],
        ['host', `${machine.hostname}, ${machine.os ?? 'unknown system'}, ${machine.kernel}`],
        ['booted', formatTime(machine.bootedAt, nowMs)],
        ['lease', lease.deadline === null ? 'no end' : `ends ${formatTime(lease.deadline, nowMs)}`],
        ['shutdown', shutdown === null ? null : `${formatTime(shutdown.at, nowMs)}: ${shutdown.reason}`],
        ['problems', answer.problems.length === 0 ? 'none' : answer.problems.join('; ')],
      ],
      cli.paint,
    );
    cli.print(fields);
  },
});
