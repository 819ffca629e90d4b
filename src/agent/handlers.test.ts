import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activityResponse } from '../protocol/activity-schema.ts';
import {
  errorResponse,
  heartbeatResponse,
  logFrame,
  logsResponse,
  shutdownResponse,
  statusResponse,
} from '../protocol/response-schemas.ts';
import { agentHostName, tokenHeader } from '../protocol/routes.ts';
import { startTestAgent, type TestAgent } from './start-test-agent.ts';

let test: TestAgent;
beforeEach(async () => {
  test = await startTestAgent();
});
afterEach(() => test.stop());

async function get<T>(schema: { parse(value: unknown): T }, path: string): Promise<T> {
  const { status, text } = await test.call('GET', path);
  expect(status, text).toBe(200);
  return schema.parse(JSON.parse(text));
}

async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('/heartbeat', () => {
  it('is remembered, and only an interactive one is a sign of life', async () => {
    const { status, text } = await test.call('POST', '/heartbeat', {
      body: { client: 'spuff/0.1.0\u001b', interactive: false },
    });
    expect(status).toBe(200);
    expect(heartbeatResponse.parse(JSON.parse(text)).lease).toEqual({
      deadline: null,
      idleTimeoutSeconds: null,
    });
    expect((await get(statusResponse, '/status')).clients).toMatchObject([
      { client: 'spuff/0.1.0\\x1b', interactive: false },
    ]);
    expect((await get(activityResponse, '/activity')).idle.keptOnBy).not.toContain(
      'an interactive client is there',
    );
    await test.call('POST', '/heartbeat', { body: { client: 'spuff/0.1.0', interactive: true } });
    expect((await get(activityResponse, '/activity')).idle.keptOnBy).toContain(
      'an interactive client is there',
    );
  });

  it('remembers so many clients and no more', async () => {
    for (let index = 0; index < 40; index++) {
      await test.call('POST', '/heartbeat', { body: { client: `c${index}`, interactive: false } });
    }
    const { clients } = await get(statusResponse, '/status');
    expect(clients).toHaveLength(32);
    expect(clients.at(-1)?.client).toBe('c39');
  });
});

describe('/activity', () => {
  it('counts calls that do something, and not those that only look', async () => {
    await get(statusResponse, '/status');
    expect((await get(activityResponse, '/activity')).signals.calls.lastAt).toBeNull();
    await get(logsResponse, '/logs');
    const { signals, idle } = await get(activityResponse, '/activity');
    expect(signals.calls.lastAt).not.toBeNull();
    expect(idle.lastActiveSignal).toMatch(/^(call|cpu)$/);
  });

  it('says when the machine would power off, and why', async () => {
    const deadline = Math.floor(Date.now() / 1_000) + 3_600;
    writeFileSync(test.configPath, JSON.stringify({ user: 'dev', deadline, idleTimeoutSeconds: null }));
    const { lease, next } = await get(activityResponse, '/activity');
    expect(lease.deadline).toBe(new Date(deadline * 1_000).toISOString());
    expect(next).toEqual({
      what: 'warning',
      at: new Date((deadline - 300) * 1_000).toISOString(),
      why: 'the lease is over',
    });
  });
});

describe('/shutdown', () => {
  it('asks for the power-off after it has answered', async () => {
    const { status, text } = await test.call('POST', '/shutdown', { body: { reason: 'spuff down' } });
    expect(status).toBe(200);
    expect(shutdownResponse.parse(JSON.parse(text)).reason).toBe('spuff down');
    await until(() => {
      try {
        return readFileSync(test.powerRequestPath, 'utf8') === 'spuff down\n';
      } catch {
        return false;
      }
    });
    expect(test.journal).toContain('powering off: spuff down');
  });

  it('waits as told, shows the plan, and takes a new one in its place', async () => {
    await test.call('POST', '/shutdown', { body: { reason: 'first', delaySeconds: 3_600 } });
    const { shutdown } = await get(statusResponse, '/status');
    expect(shutdown?.reason).toBe('first');
    await test.call('POST', '/shutdown', { body: { reason: 'second', delaySeconds: 1_800 } });
    expect((await get(statusResponse, '/status')).shutdown?.reason).toBe('second');
    expect((await get(activityResponse, '/activity')).next).toMatchObject({
      what: 'power-off',
      why: 'second',
    });
    expect(() => readFileSync(test.powerRequestPath)).toThrow('ENOENT');
  });
});

describe('/logs', () => {
  it('lists the logs, and gives the last lines of one', async () => {
    const file = join(test.paths.logRoot, 'app.log');
    writeFileSync(file, 'one\ntwo\n');
    expect((await get(logsResponse, '/logs')).files?.map((log) => log.file)).toEqual([file]);
    const { content } = await get(logsResponse, `/logs?file=${encodeURIComponent(file)}&lines=1`);
    expect(content).toMatchObject({ file, lines: ['two'], more: true, sizeBytes: 8 });
    for (const outside of ['../agent.json', '/etc/passwd', '%2e%2e/agent.json']) {
      expect((await test.call('GET', `/logs?file=${outside}`)).status).toBe(403);
    }
  });

  it('gives no other file for any path, and fails for none', async () => {
    writeFileSync(join(test.paths.logRoot, 'app.log'), 'one\n');
    const root = test.paths.logRoot;
    const part = fc.constantFrom(
      '..',
      '.',
      '/',
      '//',
      '%2e',
      '\\',
      '\0',
      '\n',
      '~',
      root,
      'app.log',
      'etc/passwd',
    );
    const path = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
      fc.integer({ min: 100, max: 1_100 }).map((length) => 'é'.repeat(length)),
    );
    await fc.assert(
      fc.asyncProperty(path, fc.constantFrom('/logs', '/logs/stream'), async (text, route) => {
        const file = text.toWellFormed();
        fc.pre(file !== 'app.log' && file !== `${root}/app.log`);
        const answer = await test.call('GET', `${route}?file=${encodeURIComponent(file)}`);
        expect([400, 403, 404], answer.text).toContain(answer.status);
        expect(errorResponse.parse(JSON.parse(answer.text)).error.message).not.toContain('\n');
      }),
      { numRuns: 300 },
    );
    expect(test.journal).toEqual([]);
  });

  it('streams new lines until the client goes, and refuses too many streams', async () => {
    const file = join(test.paths.logRoot, 'app.log');
    writeFileSync(file, 'one\n');
    const lines: string[][] = [];
    const streams = Array.from({ length: 8 }, (_, index) => {
      lines[index] = [];
      const sent = request({
        socketPath: test.socketPath,
        path: '/logs/stream?file=app.log',
        headers: { host: agentHostName, [tokenHeader]: test.token },
        agent: false,
      });
      sent.on('response', (response) => {
        response.on('data', (chunk: Buffer) => {
          for (const line of chunk.toString().trimEnd().split('\n')) {
            const frame = logFrame.parse(JSON.parse(line));
            if (frame.type === 'line') lines[index]?.push(frame.line);
          }
        });
        response.on('error', () => undefined);
      });
      sent.on('error', () => undefined);
      return sent.end();
    });
    await until(() => lines.every((seen) => seen.includes('one')));
    expect((await test.call('GET', '/logs/stream?file=app.log')).status).toBe(503);
    appendFileSync(file, 'two\n');
    await until(() => lines.every((seen) => seen.includes('two')));
    for (const sent of streams) sent.destroy();
    // The places come free once the agent has noticed: a stream that is refused as "no such log" had one.
    for (let status = 503; status === 503; )
      status = (await test.call('GET', '/logs/stream?file=missing.log')).status;
    expect((await test.call('GET', '/logs/stream?file=missing.log')).status).toBe(404);
  });
});
