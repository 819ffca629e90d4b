import type { AuditReport } from '../../domain/audit.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { text } from '../parameters.ts';
import { oneLine } from '../render/text.ts';

export const logVerify = defineCommand({
  name: 'log verify',
  summary: 'check that no line of the log was changed, moved or taken out',
  details: [
    'Each line has the hash of the one before it, and where the log ends is kept beside it. The exit status is 1 when something is ' +
      'wrong, and each place is named.',
    'Who can write to your files can make the whole log anew, and then it is whole again. So the hash of the newest line is ' +
      'printed: keep it where this computer can\u2019t change it, and give it to --from-hash later. A line of that hash must then still ' +
      'be there, and everything after it is checked.',
  ],
  arguments: {},
  options: { fromHash: text('HASH', 'a hash that was printed before: only from its line on') },
  examples: [
    { command: 'spuff log verify', about: 'check all of it, and print the newest hash' },
    {
      command: `spuff log verify --from-hash ${'5f'.repeat(32)}`,
      about: 'that this line is still there, and what came after it is whole',
    },
    { command: 'spuff log verify --json', about: 'the same for a program' },
  ],
  json: 'log-verification',
  run: async ({ options: { fromHash } }, cli) => {
    if (fromHash !== undefined && !/^[0-9a-f]{64}$/.test(fromHash)) {
      throw new SpuffError('usage', `${JSON.stringify(fromHash)} is no hash of a line`, {
        hints: ['it has 64 hexadecimal digits: spuff log verify'],
      });
    }
    const report = cli.context.audit.verify(fromHash);
    const ok = report.findings.length === 0;
    if (cli.flags.json) cli.printJson({ version: 1, ok, ...report });
    else cli.print(describe(report, cli));
    return ok ? 0 : 1;
  },
});

function describe({ files, lines, head, findings, torn }: AuditReport, { paint }: Cli): string {
  const places = findings.map(({ file, line, problem }) => {
    const place = line === null ? file : `${file}:${line}`;
    return `${paint('red', 'fail')}  ${oneLine(`${place === '' ? 'the log' : place}: ${problem}`)}`;
  });
  const notes = torn.map(
    ({ file, line }) => `note  ${file}:${line}: a process died in the middle of this line`,
  );
  const said = findings.length === 0 ? `${paint('green', 'ok')}  ` : '';
  const counted = `${lines} lines in ${files} ${files === 1 ? 'file' : 'files'}`;
  const end = lines === 0 ? [] : [`newest: line ${head.seq}, ${head.hash}`];
  return [...places, ...notes, `${said}${counted}`, ...end].join('\n');
}
