import { findReadyInstance } from '../../app/find-instance.ts';
import { type GuardTrial, testGuard } from '../../app/test-guard.ts';
import { refusals } from '../../domain/guard.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument, text } from '../parameters.ts';
import { formatTable } from '../render/text.ts';

export const guardTest = defineCommand({
  name: 'guard test',
  summary: 'try what sessions on an instance may do with your keys',
  details: [
    'Opens a session with a guard, and tries from the machine to log in to each allowed host, or to HOST alone. What ssh ' +
      'says there is shown. The exit status is 1 when a host was not let in by the guard, or never asked for a signature.',
  ],
  arguments: { name: instanceArgument },
  options: { host: text('HOST', 'one host alone') },
  examples: [
    { command: 'spuff guard test demo', about: 'all that is allowed' },
    { command: 'spuff guard test demo --host github.com', about: 'why a git clone from there fails' },
  ],
  json: 'guard-test',
  run: async ({ arguments: { name }, options }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const trials = await testGuard(cli.context, instance, options.host);
    if (cli.flags.json) cli.printJson({ version: 1, instance: instance.name, trials });
    else cli.print(formatTable(trials.map(describe), { header: ['HOST', 'AS', 'RESULT'], paint: cli.paint }));
    return trials.every(({ outcome }) => outcome === 'signed') ? 0 : 1;
  },
});

function describe({ host, user, outcome, reason, exitStatus }: GuardTrial): string[] {
  if (outcome === 'signed') return [host, user, 'signed'];
  if (outcome === 'refused') return [host, user, `refused: ${reason === null ? '' : refusals[reason]}`];
  return [
    host,
    user,
    `no signature was asked for (ssh ended with ${exitStatus}): is the host reachable there?`,
  ];
}
