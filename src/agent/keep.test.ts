import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activityHistoryResponse, activityResponse } from '../protocol/activity-schema.ts';
import { keepResponse } from '../protocol/response-schemas.ts';
import { startTestAgent, type TestAgent } from './start-test-agent.ts';

let test: TestAgent;
beforeEach(async () => {
  test = await startTestAgent();
});
afterEach(() => test.stop());

async function keep(body: object) {
  const { status, text } = await test.call('POST', '/keep', { body });
  expect(status, text).toBe(200);
  return keepResponse.parse(JSON.parse(text));
}

async function readActivity() {
  return activityResponse.parse(JSON.parse((await test.call('GET', '/activity')).text));
}

function writeLease(deadlineSeconds: number | null): void {
  const lease = { user: 'dev', deadline: deadlineSeconds, idleTimeoutSeconds: 3_600 };
  writeFileSync(test.configPath, JSON.stringify(lease));
}

describe('/keep', () => {
  it('holds the machine on for so long, says why, and ends it at 0', async () => {
    writeLease(null);
    const { until } = await keep({ seconds: 7_200, reason: 'a demo\u001b[2J' });
    expect(Date.parse(until ?? '')).toBeGreaterThan(Date.now() + 7_190_000);
    const { hold, idle } = await readActivity();
    expect(hold).toMatchObject({ reason: 'a demo\\x1b[2J' });
    expect(Math.abs(Date.parse(idle.powerOffAt ?? '') - Date.parse(until ?? ''))).toBeLessThan(1_000);
    expect(await keep({ seconds: 0 })).toEqual({ until: null, deadline: null });
    expect((await readActivity()).hold).toBeNull();
  });

  it('takes a moment as well, and none past the deadline', async () => {
    const deadlineSeconds = Math.floor(Date.now() / 1_000) + 600;
    writeLease(deadlineSeconds);
    const deadline = new Date(deadlineSeconds * 1_000).toISOString();
    const until = new Date(Date.now() + 86_400_000).toISOString();
    expect(await keep({ until })).toEqual({ until: deadline, deadline });
    const { hold, next } = await readActivity();
    expect(hold?.until).toBe(deadline);
    expect(next).toMatchObject({ what: 'warning', why: 'the lease is over' });
  });

  it.each([
    ['neither', {}],
    ['both', { seconds: 5, until: '2030-01-01T00:00:00Z' }],
    ['a negative time', { seconds: -1 }],
    ['no moment', { until: 'tomorrow' }],
    ['an empty reason', { seconds: 5, reason: '' }],
  ])('refuses %s', async (_what, body) => {
    expect((await test.call('POST', '/keep', { body })).status).toBe(400);
  });
});

describe('/activity/history', () => {
  it('has a sample for each minute, and is empty at first', async () => {
    const { text } = await test.call('GET', '/activity/history');
    expect(activityHistoryResponse.parse(JSON.parse(text))).toEqual({ stepSeconds: 60, samples: [] });
  });
});
