import { type AuditFilter, auditKinds } from '../../domain/audit.ts';
import { parseDurationMs } from '../../domain/duration.ts';
import { SpuffError } from '../../domain/errors.ts';
import { findClosestName } from '../../lib/closest-name.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, text, wholeNumber } from '../parameters.ts';
import { formatAuditLine } from '../render/audit.ts';

const usualLines = 50;
const kinds = Object.keys(auditKinds);

export const log = defineCommand({
  name: 'log',
  summary: 'show what spuff did at providers and on machines',
  details: [
    'Every change at a provider, with its requests; host keys; signatures; programs and sessions on machines; leases; the end of ' +
      `each machine. The newest ${usualLines} lines unless -n or --since say more. It never holds a secret: of a program it ` +
      'has the name, and how many arguments there were.',
    `The kinds: ${kinds.join(', ')}.`,
    'With --follow it goes on until Ctrl-C; with --json that is one object a line.',
  ],
  arguments: {},
  options: {
    since: text('TIME', 'only what is younger: 2h, or from a day or moment on, such as 2026-11-24'),
    kind: text('KINDS', 'only lines of these kinds, with commas between them'),
    lines: wholeNumber('how many of the last lines', { minimum: 1, maximum: 1_000_000 }, { short: 'n' }),
    follow: flag('show what is added, until Ctrl-C', { short: 'f' }),
  },
  examples: [
    { command: 'spuff log', about: 'the newest lines' },
    {
      command: 'spuff log --since 2h --kind change,request',
      about: 'what was changed in the last two hours',
    },
    { command: 'spuff log --follow --json', about: 'for a program that watches' },
    { command: 'spuff log --kind host-key,end -n 20', about: 'the newest keys and ends of machines' },
  ],
  json: 'local-log',
  run: async ({ options }, cli) => {
    const filter = readFilter(options, cli.context.runtime.now());
    if (options.follow) return follow(cli, filter);
    const lines = cli.context.audit.read(filter);
    if (cli.flags.json) cli.printJson({ version: 1, lines });
    else if (lines.length === 0) cli.say('nothing is in the log');
    else cli.print(lines.map((line) => formatAuditLine(line, cli.paint)).join('\n'));
  },
});

function readFilter(
  options: { since: string | undefined; kind: string | undefined; lines: number | undefined },
  nowMs: number,
): AuditFilter {
  const last = options.lines ?? (options.since === undefined ? usualLines : undefined);
  return {
    ...(options.kind !== undefined && { kinds: readKinds(options.kind) }),
    ...(options.since !== undefined && { sinceMs: readSince(options.since, nowMs) }),
    ...(last !== undefined && { last }),
  };
}

function readKinds(written: string): string[] {
  return written.split(',').map((word) => {
    const kind = word.trim();
    if (kinds.includes(kind)) return kind;
    const meant = findClosestName(kind, kinds);
    throw new SpuffError('usage', `there is no kind ${JSON.stringify(kind)} of lines`, {
      hints: [meant === null ? `there are: ${kinds.join(', ')}` : `did you mean ${meant}?`],
    });
  });
}

/** `2h`, `2026-11-24` (its beginning here), `2026-11-24T18:00Z`. */
function readSince(written: string, nowMs: number): number {
  if (/^(?:\d+[smhd])+$/.test(written)) return nowMs - parseDurationMs(written, '--since');
  const isDay = /^\d{4}-\d\d-\d\d$/.test(written);
  const isMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?$/.test(written);
  const ms = isDay || isMoment ? new Date(isDay ? `${written}T00:00` : written).getTime() : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new SpuffError('usage', `${JSON.stringify(written)} is neither a length of time nor a moment`, {
    hints: ['write 2h, 3d, 2026-11-24, or 2026-11-24T18:00Z'],
  });
}

/** Ends by Ctrl-C, which is no failure here. */
async function follow(cli: Cli, filter: AuditFilter): Promise<void> {
  const { audit, signal } = cli.context;
  for await (const line of audit.follow(signal)) {
    if (filter.kinds && !filter.kinds.includes(line.kind)) continue;
    if (cli.flags.json) cli.printJson({ version: 1, line });
    else cli.print(formatAuditLine(line, cli.paint));
    if (cli.terminal.out.isClosed()) return;
  }
}
