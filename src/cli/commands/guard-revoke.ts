import { findInstance } from '../../app/find-instance.ts';
import { revokeGuards, revokeHost } from '../../app/guard-revoke.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { flag, instanceArgument, text } from '../parameters.ts';

export const guardRevoke = defineCommand({
  name: 'guard revoke',
  summary: 'end what is lent to open sessions, or take a host off the list',
  details: [
    'Without --host every guard of the instance stops signing at once, and for good: a new session has a new one. With --host ' +
      'the host is taken out of guard.yaml, for all instances and for sessions that are open.',
  ],
  arguments: { name: instanceArgument },
  options: {
    all: flag('of all instances', { short: 'a' }),
    host: text('HOST', 'take this host, or built-in forge, off the list'),
  },
  examples: [
    { command: 'spuff guard revoke demo', about: 'nothing is signed for demo any more' },
    { command: 'spuff guard revoke --all', about: 'nothing is signed for anyone' },
    { command: 'spuff guard revoke --host git.example.com', about: 'no session may log in there' },
  ],
  run: async ({ arguments: { name }, options }, cli) => {
    const { all, host } = options;
    if ([name !== undefined, all, host !== undefined].filter(Boolean).length > 1) {
      throw new SpuffError('usage', 'NAME, --all and --host exclude each other', {
        hints: ['a host is taken off the list for all instances: spuff guard revoke --host HOST'],
      });
    }
    if (host !== undefined) {
      const guards = await revokeHost(cli.context, host);
      cli.say(`${host} is no longer allowed`);
      if (guards.length > 0) cli.say(`it holds for the ${guards.length} that run, too`);
      return;
    }
    const instances = all ? undefined : [await findInstance(cli.context, name)];
    const stopped = await revokeGuards(cli.context, instances);
    for (const { instanceName, session } of stopped) {
      cli.print(`session ${session} of ${instanceName}: nothing is signed any more`);
    }
    if (stopped.length === 0) cli.say('no guard runs there: nothing is lent');
  },
});
