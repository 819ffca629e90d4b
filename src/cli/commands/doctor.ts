import { type Check, examine } from '../../app/doctor.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../parameters.ts';
import { oneLine } from '../render/text.ts';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'check what spuff needs on this machine',
  details: [
    'Every check is ok, a warning (it works, but look at it) or a failure, with what to do about it. The exit status ' +
      'is 1 when one fails. Rights that others have on files of spuff are taken away.',
    'With --repair-state a damaged state is kept aside, and what can be read of it is saved in a new one. Machines go ' +
      'on running meanwhile; those that could not be saved are named, with the command that removes each.',
  ],
  arguments: {},
  options: { repairState: flag('save what can be read of a damaged state, and begin a new one') },
  examples: [
    { command: 'spuff doctor', about: 'check everything' },
    { command: 'spuff doctor --json', about: 'the same for a program' },
    { command: 'spuff doctor --repair-state', about: 'when spuff says that its state is damaged' },
  ],
  json: 'doctor',
  run: async ({ options }, cli) => {
    const home = await cli.services.openHomeCare();
    if (options.repairState) {
      const { keptAs, saved } = home.recoverState();
      cli.say(
        keptAs === null
          ? 'the state is sound'
          : `kept aside: ${keptAs}; saved: ${saved.join(', ') || 'nothing'}; for what is missing: spuff ls --refresh`,
      );
    }
    const checks = await examine(cli.context, home);
    const failed = checks.some(({ outcome }) => outcome === 'fail');
    if (cli.flags.json) cli.printJson({ version: 1, ok: !failed, checks });
    else cli.print(describe(checks, cli));
    return failed ? 1 : 0;
  },
});

const styles = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function describe(checks: readonly Check[], cli: Cli): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, outcome, what, hints }) => [
    `${cli.paint(styles[outcome], outcome.padEnd(4))}  ${name.padEnd(width)}  ${oneLine(what)}`,
    ...hints.map((hint) => `${' '.repeat(width + 8)}${oneLine(hint)}`),
  ]);
  return lines.join('\n');
}
