import { findInstance } from '../../app/find-instance.ts';
import { vmSteps, vmStepsToKeep } from '../../app/respond-to-vm.ts';
import { beginIncident } from '../../app/run-incident.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Incident } from '../../domain/incident.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, instanceArgument, text } from '../parameters.ts';
import { loadIncident, playbookOptions, runPlaybook } from '../run-playbook.ts';

export const incidentVm = defineCommand({
  name: 'incident vm',
  summary: 'go through what to do when somebody else may be on an instance',
  details: [
    'Nothing is lent to it from the first moment on; then evidence is kept if you want it, it is cut off, what it could see is ' +
      'listed, and it is destroyed, after a question. The login key is replaced if the machine could use it.',
    'Evidence is what the machine tells of itself, which may be false; it can hold secrets of yours, and lies beside the report.',
  ],
  arguments: { name: instanceArgument },
  options: {
    ...playbookOptions,
    destroy: flag('destroy it without a question'),
    snapshot: flag('keep its disk first'),
    without: text(
      'STEPS',
      'destroy it though these steps failed, with commas between them: evidence, exposed',
    ),
  },
  examples: [
    { command: 'spuff incident vm demo', about: 'keep evidence, and destroy demo after a question' },
    { command: 'spuff incident vm demo --yes --destroy --snapshot', about: 'ask nothing, and keep its disk' },
    {
      command: 'spuff incident vm --resume 20261128-093012-4f3c --without evidence',
      about: 'go on, and do not wait for the evidence, which failed',
    },
  ],
  json: 'incident-progress',
  onStop: 'stopping; what was done is written down: see spuff incident list',
  run: async ({ arguments: { name }, options }, cli) => {
    const { resume, yes, done, destroy, snapshot } = options;
    const without = readSteps(options.without);
    const begun = resume === undefined ? await beginAbout(cli, name) : await loadIncident(cli, resume, 'vm');
    return runPlaybook(cli, begun, vmSteps({ snapshot }), { yes, done, mayDestroy: () => destroy, without });
  },
});

async function beginAbout(cli: Cli, name: string | undefined): Promise<Incident> {
  const instance = await findInstance(cli.context, name);
  const incident = beginIncident('vm', instance.name, cli.context.runtime.now());
  return {
    ...incident,
    facts: { key: instance.key, provider: instance.provider, directory: instance.directory },
  };
}

function readSteps(list: string | undefined): string[] {
  const names = list?.split(',') ?? [];
  const strange = names.find((name) => !vmStepsToKeep.includes(name));
  if (strange === undefined) return names;
  throw new SpuffError('usage', `--without ${strange}: nothing waits for a step of this name`, {
    hints: [`name one of: ${vmStepsToKeep.join(', ')}`],
  });
}
