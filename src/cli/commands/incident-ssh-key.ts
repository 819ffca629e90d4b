import { keySteps } from '../../app/respond-to-key.ts';
import { beginIncident } from '../../app/run-incident.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Incident } from '../../domain/incident.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { loadIncident, playbookOptions, runPlaybook } from '../run-playbook.ts';

export const incidentSshKey = defineCommand({
  name: 'incident ssh-key',
  summary: "go through what to do when spuff's login key is in wrong hands",
  details: [
    'A new key takes its place on every machine and at the providers, as with spuff key rotate; each machine is then seen to refuse ' +
      'the old one, which is deleted here and taken out of ssh-agent. Where else it logs in is for you to say.',
    'A machine that cannot be reached is named and keeps the old key; --resume goes on when it can be, or is gone.',
  ],
  arguments: {},
  options: playbookOptions,
  examples: [
    { command: 'spuff incident ssh-key', about: 'replace the key everywhere' },
    { command: 'spuff incident ssh-key --yes --json', about: 'in a script; the new key has no passphrase' },
  ],
  json: 'incident-progress',
  onStop:
    'stopping; every machine can be logged in to, and what was done is written down: see spuff incident list',
  run: async ({ options: { resume, yes, done } }, cli) => {
    const begun = resume === undefined ? await beginAbout(cli) : await loadIncident(cli, resume, 'ssh-key');
    return runPlaybook(cli, begun, keySteps(), { yes, done, mayDestroy: () => false, without: [] });
  },
});

async function beginAbout(cli: Cli): Promise<Incident> {
  const { current } = (await cli.services.openOwnKeys()).read();
  if (current === null) {
    throw new SpuffError('not-found', "there is no login key of spuff's own", {
      hints: [
        'make one, for machines to come: spuff key new',
        'take a key of yours away from every machine: spuff key revoke FINGERPRINT',
      ],
    });
  }
  const incident = beginIncident('ssh-key', current.fingerprint, cli.context.runtime.now());
  return { ...incident, facts: { publicKey: current.publicKey } };
}
