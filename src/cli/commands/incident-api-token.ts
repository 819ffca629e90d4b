import { tokenSteps } from '../../app/respond-to-token.ts';
import { beginIncident } from '../../app/run-incident.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { flag, text } from '../parameters.ts';
import { loadIncident, playbookOptions, runPlaybook } from '../run-playbook.ts';

export const incidentApiToken = defineCommand({
  name: 'incident api-token',
  summary: "go through what to do when a provider's token is in wrong hands",
  details: [
    'You revoke the token at the page that is named, and spuff proves that it is refused, checks the new one, writes down what ' +
      'is at the provider, and destroys what nobody knows of: each only when you say so, since it may be a colleague’s.',
    'Each step is written down, so that it can be cut off anywhere. Begin with the old token still in the shell.',
  ],
  arguments: {},
  options: {
    ...playbookOptions,
    provider: text('PROVIDER', 'whose token; the one of the settings', { complete: 'providers' }),
    destroy: text('IDS', 'unknown things to destroy without a question, with commas between them'),
    snapshot: flag('keep the disk of each unknown machine before it is destroyed'),
  },
  examples: [
    { command: 'spuff incident api-token', about: 'the token of the provider of the settings' },
    {
      command: 'spuff incident api-token --resume 20261128-093012-4f3c --destroy 4711 --snapshot',
      about: 'go on, keep the disk of the machine 4711, and destroy it',
    },
  ],
  json: 'incident-progress',
  onStop: 'stopping; what was done is written down: see spuff incident list',
  run: async ({ options }, cli) => {
    const { provider, resume, yes, done, snapshot } = options;
    const ids = new Set(options.destroy?.split(',') ?? []);
    const begun =
      resume === undefined
        ? beginIncident(
            'api-token',
            provider ?? (await cli.context.settings()).provider,
            cli.context.runtime.now(),
          )
        : await loadIncident(cli, resume, 'api-token');
    if (cli.services.incidentPages(begun.subject) === null) {
      throw new SpuffError('unsupported', `${begun.subject} needs no token`, {
        hints: ['name another one: --provider PROVIDER'],
      });
    }
    const mayDestroy = (id: string) => ids.has(id);
    return runPlaybook(cli, begun, tokenSteps({ snapshot }), { yes, done, mayDestroy, without: [] });
  },
});
