import { findReadyInstance } from '../../app/find-instance.ts';
import { keepOn } from '../../app/keep-on.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { duration, flag, instanceArgument, text } from '../parameters.ts';
import { formatTime } from '../render/text.ts';

const usualMs = 2 * 3_600_000;
/** What the agent takes. */
const longestReason = 200;

export const keep = defineCommand({
  name: 'keep',
  summary: 'keep an instance on for a while, also when nobody uses it',
  details: [
    'Until then it is not powered off for want of use. The end of its lease stays where it is: a ' +
      'machine is never kept beyond that. A second call replaces the first.',
  ],
  arguments: { name: instanceArgument },
  options: {
    for: duration('for how long; 2h'),
    reason: text('TEXT', 'what spuff why shows'),
    end: flag('take it back'),
  },
  examples: [
    { command: 'spuff keep demo', about: 'for two hours' },
    { command: 'spuff keep demo --for 8h --reason "long test"', about: 'for a night, and say why' },
    { command: 'spuff keep demo --end', about: 'no longer' },
  ],
  json: 'keep',
  run: async ({ arguments: { name }, options }, cli) => {
    if (options.end && options.for !== undefined) {
      throw new SpuffError('usage', '--end and --for exclude each other');
    }
    if ((options.reason?.length ?? 0) > longestReason) {
      throw new SpuffError('usage', `--reason takes at most ${longestReason} characters`);
    }
    const instance = await findReadyInstance(cli.context, name);
    const seconds = options.end ? 0 : Math.ceil((options.for ?? usualMs) / 1_000);
    const { until, deadline } = await keepOn(cli.context, instance, {
      seconds,
      ...(options.reason ? { reason: options.reason } : {}),
    });
    if (cli.flags.json) cli.printJson({ version: 1, instance: instance.name, until, deadline });
    else if (until === null) cli.print(`${instance.name} is no longer kept on`);
    else cli.print(describeHold(instance.name, { until, deadline }, cli.context.runtime.now()));
  },
});

function describeHold(
  name: string,
  { until, deadline }: { until: string; deadline: string | null },
  nowMs: number,
): string {
  const kept = `${name} is kept on until ${until} (${formatTime(until, nowMs)})`;
  return until === deadline ? `${kept}: there its lease ends` : kept;
}
