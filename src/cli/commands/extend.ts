import { extendInstance, type NewEnd } from '../../app/extend.ts';
import { findReadyInstance } from '../../app/find-instance.ts';
import { parseDurationMs } from '../../domain/duration.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { flag, manyArguments, text } from '../parameters.ts';
import { instanceToJson } from '../render/instance.ts';
import { formatMoment } from '../render/text.ts';

export const extend = defineCommand({
  name: 'extend',
  summary: 'move the end of the lease of an instance',
  details: [
    'A DURATION is added to the end as it is; where that is over, or there is none, it counts from now. --until names the ' +
      'moment itself, also an earlier one. off takes the end away.',
    'Nothing else moves it: a machine that is in use ends as well. No lease goes further from now on than max_lifetime, ' +
      'unless --beyond.',
    'It is moved at the provider and on the machine. Until both know it, the earlier of the two ends holds.',
  ],
  arguments: {
    words: manyArguments(
      'NAME|DURATION',
      'the instance, where it is not the one of this directory, and 2h, 1d or off',
    ),
  },
  options: {
    until: text('TIME', 'a moment: 2026-11-24T18:00Z, or 18:30 for the next time that it is so late here'),
    beyond: flag('further than max_lifetime'),
    overBudget: flag('go on where monthly_budget says no'),
  },
  examples: [
    { command: 'spuff extend 2h', about: 'two hours more for the instance of this directory' },
    { command: 'spuff extend demo --until 18:30', about: 'demo ends this evening' },
    { command: 'spuff extend demo off --beyond', about: 'demo has no end any more' },
  ],
  json: 'instances',
  run: async ({ arguments: { words }, options }, cli) => {
    const nowMs = cli.context.runtime.now();
    const { name, end } = readWords(words, options.until, nowMs);
    const instance = await findReadyInstance(cli.context, name);
    const changed = await extendInstance(cli.context, instance, {
      end,
      beyond: options.beyond,
      overBudget: options.overBudget,
    });
    if (cli.flags.json) cli.printJson({ version: 1, instances: [instanceToJson(changed)] });
    else {
      const { expiresAt } = changed;
      const when =
        expiresAt === null ? 'never' : `${formatMoment(expiresAt, nowMs)} (${expiresAt.toISOString()})`;
      cli.print(`the lease of ${changed.name} ends ${when}`);
    }
  },
});

const durationPattern = /^(?:off|(?:\d+[smhd])+)$/;

/** The last word is a duration unless there is `--until`; what comes before it is a name. */
function readWords(
  words: readonly string[],
  until: string | undefined,
  nowMs: number,
): { name: string | undefined; end: NewEnd } {
  const [first, second, ...rest] = words;
  if (rest.length > 0) throw unclear();
  if (until !== undefined) {
    if (second !== undefined) throw unclear();
    return { name: first, end: { at: readMoment(until, nowMs) } };
  }
  const last = second ?? first;
  if (last === undefined || !durationPattern.test(last)) throw unclear();
  const end = last === 'off' ? last : { by: parseDurationMs(last, 'DURATION') };
  return { name: second === undefined ? undefined : first, end };
}

function unclear(): SpuffError {
  return new SpuffError('usage', 'it is not clear until when', {
    hints: ['say how much longer: spuff extend demo 2h', 'or until when: spuff extend demo --until 18:30'],
  });
}

/** A moment of ISO 8601 with its zone, or a time of day here. */
function readMoment(written: string, nowMs: number): Date {
  const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(written) ?? [];
  if (hours !== undefined && minutes !== undefined) {
    const moment = new Date(nowMs);
    moment.setHours(Number(hours), Number(minutes), 0, 0);
    if (moment.getTime() <= nowMs) moment.setDate(moment.getDate() + 1);
    return moment;
  }
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.test(written);
  const moment = new Date(isWhole ? written : Number.NaN);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw new SpuffError('usage', `${JSON.stringify(written)} is not a moment`, {
    hints: [
      'write it with its zone: 2026-11-24T18:00Z or 2026-11-24T18:00+01:00, or as a time of day: 18:30',
    ],
  });
}
