import { type AgentResponse, askAgent } from '../../app/ask-agent.ts';
import { findReadyInstance } from '../../app/find-instance.ts';
import { formatDuration } from '../../domain/duration.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import type { Paint } from '../render/terminal.ts';
import { formatFields, formatTime } from '../render/text.ts';

export const agentActivity = defineCommand({
  name: 'agent activity',
  summary: 'show what keeps an instance on, and what would turn it off when',
  arguments: { name: instanceArgument },
  options: {},
  examples: [{ command: 'spuff agent activity demo', about: 'each sign of use, and what happens next' }],
  json: 'agent-activity',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const activity = await askAgent(cli.context, instance, 'activity');
    if (cli.flags.json) cli.printJson({ version: 1, instance: instance.name, activity });
    else cli.print(describeActivity(activity, cli.context.runtime.now(), cli.paint));
  },
});

function describeActivity(activity: AgentResponse<'activity'>, nowMs: number, paint: Paint): string {
  const { signals, idle, lease, next } = activity;
  const ago = (time: string | null) => formatTime(time, nowMs) ?? 'never';
  const usedCores = signals.cpu.usedCores === null ? 'not measured yet:' : signals.cpu.usedCores.toFixed(2);
  const timeout =
    idle.timeoutSeconds === null ? 'never off' : `off after ${formatDuration(idle.timeoutSeconds * 1_000)}`;
  return formatFields(
    [
      ['sessions', `${signals.sessions.count}, last input ${ago(signals.sessions.lastInputAt)}`],
      ['calls', `last ${ago(signals.calls.lastAt)}`],
      ['heartbeats', `last ${ago(signals.heartbeats.lastInteractiveAt)}`],
      ['commands', `${signals.exec.running} running, last ${ago(signals.exec.lastAt)}`],
      [
        'cpu',
        `${usedCores} cores (busy from ${signals.cpu.busyFromCores}), last busy ${ago(signals.cpu.lastBusyAt)}`,
      ],
      ['active', `${ago(idle.lastActiveAt)} (${idle.lastActiveSignal})`],
      ['idle', timeout],
      ['kept on by', idle.keptOnBy.length === 0 ? null : idle.keptOnBy.join('; ')],
      ['lease', lease.deadline === null ? 'no end' : `ends ${ago(lease.deadline)}`],
      ['next', next === null ? 'nothing' : `${next.what} ${ago(next.at)}: ${next.why}`],
    ],
    paint,
  );
}
