import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { makeWorkflow } from './reaper-workflow.ts';

const input = {
  ...{ provider: 'hetzner', version: '1.2.3', variables: ['HCLOUD_TOKEN'], owner: undefined },
} as const;

it('for GitHub is a scheduled job with the secret of the project, and no right to anything', async () => {
  const text = await makeWorkflow({ ...input, kind: 'github' });
  expect(parse(text)).toMatchObject({
    on: { schedule: [{ cron: '*/15 * * * *' }] },
    permissions: {},
    jobs: {
      reap: {
        steps: [
          {},
          {
            run: 'npx --yes spuff@1.2.3 reap --once --provider hetzner',
            env: { HCLOUD_TOKEN: '${{ secrets.HCLOUD_TOKEN }}' },
          },
        ],
      },
    },
  });
});

it('for GitLab is one that runs on a schedule alone, and keeps a name as one word', async () => {
  const text = await makeWorkflow({ ...input, kind: 'gitlab', owner: "it's; me" });
  expect(parse(text)).toMatchObject({
    'spuff-reaper': {
      rules: [{ if: '$CI_PIPELINE_SOURCE == "schedule"' }],
      script: [`npx --yes spuff@1.2.3 reap --once --provider hetzner --owner 'it'\\''s; me'`],
    },
  });
});

it('is refused for machines on this computer', async () => {
  const local = makeWorkflow({ ...input, kind: 'github', provider: 'local', variables: [] });
  await expect(local).rejects.toMatchObject({ code: 'usage' });
});
