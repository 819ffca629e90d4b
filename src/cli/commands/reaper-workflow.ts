import { makeWorkflow, workflowKinds } from '../../app/reaper-workflow.ts';
import { defineCommand } from '../command.ts';
import { argument, text } from '../parameters.ts';

export const reaperWorkflow = defineCommand({
  name: 'reaper workflow',
  summary: 'print a scheduled job that reaps',
  details: [
    'For a machine that is always on: GitHub Actions or GitLab CI. The job runs this version of spuff, and takes the token from the ' +
      'secrets of the project. It reaps the machines of everybody in the account, unless --owner.',
  ],
  arguments: { kind: argument('github|gitlab', 'whose format', { choices: workflowKinds }) },
  options: {
    provider: text('PROVIDER', 'at which provider; the one of the settings', { complete: 'providers' }),
    owner: text('OWNER', 'machines of this owner only'),
  },
  examples: [
    {
      command: 'spuff reaper workflow github --provider hetzner',
      about: 'for a file below .github/workflows: every quarter of an hour, with the secret HCLOUD_TOKEN',
    },
  ],
  run: async ({ arguments: { kind }, options }, cli) => {
    const provider = options.provider ?? (await cli.context.settings()).provider;
    const variables = cli.services.credentialVariables(provider);
    const yaml = await makeWorkflow({
      kind: workflowKinds.find((one) => one === kind) ?? 'github',
      ...{ provider, version: cli.services.version, owner: options.owner },
      // One that stands for another is not needed besides it.
      variables: provider === 'aws' ? variables : variables.slice(0, 1),
    });
    cli.print(yaml.trimEnd());
  },
});
