import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { startTestAgent, type TestAgent } from '../agent/start-test-agent.ts';
import { SpuffError } from '../domain/errors.ts';
import { silentProgress } from '../domain/progress.ts';
import { Secret } from '../domain/secret.ts';
import type { AppContext } from './context.ts';
import { warnOfEnd } from './warn-of-end.ts';

let agent: TestAgent;
beforeEach(async () => {
  agent = await startTestAgent();
});
afterEach(() => agent.stop());

/** Lets so many minutes pass before the command ends. Gives the warnings. */
async function runFor(minutes: number, openChannel: () => Promise<string>): Promise<string[]> {
  const ended = new AbortController();
  const warnings: string[] = [];
  let left = minutes;
  const context = {
    runtime: {
      now: () => Date.now(),
      sleep: async () => {
        if (left-- === 0) ended.abort();
      },
    },
    progress: { ...silentProgress, warn: (text: string, hints: string[]) => warnings.push(text, ...hints) },
    ssh: async () => ({ openChannel }),
  } as unknown as AppContext;
  await warnOfEnd(context, sampleInstance({ agentToken: new Secret(agent.token) }), ended.signal);
  return warnings;
}

const endIn = (seconds: number) => {
  const lease = { user: 'dev', deadline: Math.floor(Date.now() / 1_000) + seconds, idleTimeoutSeconds: null };
  writeFileSync(agent.configPath, JSON.stringify(lease));
};

it('warns once of an end that is near, with what can be done', async () => {
  endIn(240);
  const [warning, hint, ...more] = await runFor(3, async () => agent.socketPath);
  expect(warning).toMatch(/^demo powers off in [34]m.*: the lease is over$/);
  expect(hint).toContain('spuff keep demo');
  expect(more).toEqual([]);
});

it('says nothing while the end is far, and ends where the machine does not answer', async () => {
  endIn(3_600);
  expect(await runFor(3, async () => agent.socketPath)).toEqual([]);
  const gone = () => Promise.reject(new SpuffError('connection', 'gone'));
  expect(await runFor(1_000_000_000, gone)).toEqual([]);
});
