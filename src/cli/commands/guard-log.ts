import { readGuardLog } from '../../app/guard-log.ts';
import { parseDurationMs } from '../../domain/duration.ts';
import { defineCommand } from '../command.ts';
import { flag, optionalArgument, text } from '../parameters.ts';
import { formatRecords } from '../render/guard.ts';

export const guardLog = defineCommand({
  name: 'guard log',
  summary: 'show what the guards signed and refused',
  details: ['Every signature is in the log before it leaves. The log stays when an instance is destroyed.'],
  arguments: {
    name: optionalArgument('NAME', 'the instance, also one that is gone; without it all', {
      complete: 'instances',
    }),
  },
  options: {
    since: text('DURATION', 'only what is younger, such as 2h'),
    refused: flag('only what was refused'),
  },
  examples: [
    {
      command: 'spuff guard log demo --since 2h',
      about: 'what demo did with your keys in the last two hours',
    },
    { command: 'spuff guard log --refused', about: 'what was tried and not allowed' },
  ],
  json: 'guard-log',
  run: async ({ arguments: { name }, options }, cli) => {
    const nowMs = cli.context.runtime.now();
    const records = readGuardLog(cli.context, {
      refusedOnly: options.refused,
      ...(name !== undefined && { name }),
      ...(options.since !== undefined && { sinceMs: nowMs - parseDurationMs(options.since, '--since') }),
    });
    if (cli.flags.json) cli.printJson({ version: 1, records });
    else if (records.length === 0) cli.say('nothing was asked of a guard');
    else cli.print(formatRecords(records, nowMs, cli.paint));
  },
});
