import { SpuffError } from '../domain/errors.ts';

export const workflowKinds = ['github', 'gitlab'] as const;

export interface WorkflowInput {
  kind: (typeof workflowKinds)[number];
  provider: string;
  /** Of the spuff that is to run: the job takes no newer one by itself. */
  version: string;
  /** Variables that hold the credential; their values are the project's secrets of the same names. */
  variables: readonly string[];
  owner: string | undefined;
}

/**
 * A scheduled job that reaps, as YAML.
 * @throws SpuffError `usage` for machines that no job elsewhere can reach
 */
export async function makeWorkflow(input: WorkflowInput): Promise<string> {
  if (input.variables.length === 0) {
    throw new SpuffError('usage', `no job elsewhere can reach the machines of ${input.provider}`, {
      hints: ['name a cloud: spuff reaper workflow github --provider hetzner'],
    });
  }
  const { stringify } = await import('yaml');
  const owner = input.owner === undefined ? [] : ['--owner', input.owner];
  const words = [
    'npx',
    '--yes',
    `spuff@${input.version}`,
    'reap',
    '--once',
    '--provider',
    input.provider,
    ...owner,
  ];
  const command = words.map(quote).join(' ');
  return stringify(input.kind === 'github' ? githubJob(input, command) : gitlabJob(command), {
    lineWidth: 0,
  });
}

function githubJob({ variables }: WorkflowInput, run: string): object {
  return {
    name: 'spuff reaper',
    on: { schedule: [{ cron: '*/15 * * * *' }], workflow_dispatch: {} },
    // It reads nothing of the repository.
    permissions: {},
    concurrency: { group: 'spuff-reaper' },
    jobs: {
      reap: {
        'runs-on': 'ubuntu-latest',
        'timeout-minutes': 45,
        steps: [
          { uses: 'actions/setup-node@v4', with: { 'node-version': '24' } },
          { run, env: Object.fromEntries(variables.map((name) => [name, `\${{ secrets.${name} }}`])) },
        ],
      },
    },
  };
}

/** The variables of the project are in its environment. Its schedule is made in the project's settings. */
function gitlabJob(command: string): object {
  return {
    'spuff-reaper': {
      image: 'node:24',
      rules: [{ if: '$CI_PIPELINE_SOURCE == "schedule"' }],
      resource_group: 'spuff-reaper',
      timeout: '45 minutes',
      script: [command],
    },
  };
}

/** For the shell of the job. */
function quote(word: string): string {
  return /^[A-Za-z0-9@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
