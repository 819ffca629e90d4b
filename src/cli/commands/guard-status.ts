import { findInstance } from '../../app/find-instance.ts';
import { overlookGuards } from '../../app/guard-status.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { formatGuards, formatPolicy } from '../render/guard.ts';

export const guardStatus = defineCommand({
  name: 'guard status',
  summary: 'show the guards that run, and what they allow',
  details: [
    'Without NAME: the guards of all sessions on this computer, and the policy for this directory. The policy is what would ' +
      'count for a session that begins now.',
  ],
  arguments: { name: { ...instanceArgument, about: 'the instance; without it all' } },
  options: {},
  examples: [
    { command: 'spuff guard status', about: 'what is lent at this moment' },
    { command: 'spuff guard status demo', about: 'which hosts and keys sessions of demo may use' },
  ],
  json: 'guard-status',
  run: async ({ arguments: { name } }, cli) => {
    const instance = name === undefined ? null : await findInstance(cli.context, name);
    const { guards, policy } = await overlookGuards(cli.context, instance);
    if (cli.flags.json) {
      cli.printJson({
        version: 1,
        instance: instance?.name ?? null,
        guards: guards.flatMap((answer) => (answer.ok ? [answer.status] : [])),
        unanswered: guards.flatMap((answer) =>
          answer.ok
            ? []
            : [{ instanceKey: answer.instanceKey, session: answer.session, error: answer.error }],
        ),
        policy:
          policy instanceof SpuffError
            ? { ok: false, error: { code: policy.code, message: policy.message } }
            : { ok: true, value: policy },
      });
      return;
    }
    const nowMs = cli.context.runtime.now();
    if (guards.length === 0) cli.say('no guard runs: no session is open that lends anything');
    else cli.print(`${formatGuards(guards, nowMs, cli.paint)}\n`);
    if (policy instanceof SpuffError) throw policy;
    cli.print(formatPolicy(policy, cli.paint));
  },
});
