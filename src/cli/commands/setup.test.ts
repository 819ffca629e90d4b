import { describe, it } from 'vitest';
import { runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import type { SetupStatus } from '../../app/watch-setup.ts';
import { emptyProject } from '../../domain/project.ts';
import { jsonShapes } from '../json-shapes.ts';
import { describeSetup, setupToJson } from '../render/setup.ts';

describe('spuff setup', () => {
  it('refuses a part that there is none of, naming those that there are', async ({ expect }) => {
    const { status: exitStatus, err } = await runLine(['setup', '--only', 'scripts,scirpts']);
    expect(exitStatus).toBe(2);
    expect(err).toContain('"scirpts" is no part of a setup');
    expect(err).toContain('there are: packages, bundles, ai, repositories');
  });

  it('stops nothing and does something at the same time', async ({ expect }) => {
    const { status: exitStatus, err } = await runLine(['setup', '--stop', '--again']);
    expect(exitStatus).toBe(2);
    expect(err).toContain('--stop excludes --only and --again');
  });
});

describe('spuff up in a project', () => {
  it('says which variable is missing, and makes nothing', async ({ expect }) => {
    const state = new MemoryState();
    const env = { SHOP_KEY: { kind: 'text', text: '$NO_SUCH_VARIABLE_OF_SPUFF' } } as const;
    const project = { ...emptyProject('/work/spuff.yaml', '/work', 'shop'), env };
    const { status: exitStatus, err } = await runLine(['up', '--no-connect'], { project, state });
    expect(exitStatus).toBe(3);
    expect(err).toContain('env.SHOP_KEY: NO_SUCH_VARIABLE_OF_SPUFF is not set on this computer');
    expect(state.listInstances()).toEqual([]);
  });
});

describe('logs of a setup', () => {
  it('are one at a time', async ({ expect }) => {
    const { status: exitStatus, err } = await runLine(['logs', '--setup', '--bundle', 'node']);
    expect(exitStatus).toBe(2);
    expect(err).toContain('one log at a time');
  });
});

const startedAt = '2026-11-28T10:00:00.000Z';
const status: SetupStatus = {
  ...{ project: 'shop', run: 'one', state: 'failed', startedAt, endedAt: startedAt, detail: null },
  parts: [
    {
      ...{ kind: 'bundle', name: 'node', state: 'done', startedAt, endedAt: '2026-11-28T10:01:30.000Z' },
      ...{ detail: null, log: 'spuff-setup/bundles/node.log' },
      items: [{ name: 'node', state: 'done', detail: 'v24.1.0' }],
    },
    {
      ...{ kind: 'script', name: '002', state: 'in_progress', startedAt, endedAt: null },
      ...{ detail: 'bad\u001b[2J', log: null, items: [] },
    },
  ],
};

describe('the status of a setup', () => {
  it('has the shape that docs/json.md promises', ({ expect }) => {
    const json = setupToJson(sampleInstance(), status);
    expect(jsonShapes.setup.schema.parse(json)).toEqual(json);
  });

  it('is a table for people, with what programs said made harmless', ({ expect }) => {
    expect(describeSetup(status, (_, text) => text)).toBe(
      [
        'setup of shop: failed',
        'bundle node      done         1m 30s',
        '  node           done                 v24.1.0',
        'setup command 2  in progress          bad\\x1b[2J',
      ].join('\n'),
    );
  });
});
