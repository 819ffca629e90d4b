import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorResponse, responseSchemas } from '../protocol/response-schemas.ts';
import { type Route, type RouteName, routes, tokenHeader } from '../protocol/routes.ts';
import { createSharedLimits, type SharedLimits, serverLimits } from './server.ts';
import { sendRaw, startTestAgent, type TestAgent } from './start-test-agent.ts';

const table = Object.entries(routes) as [RouteName, Route][];
const guarded = table.filter(([, route]) => route.authenticated);

let test: TestAgent;
beforeAll(async () => {
  test = await startTestAgent();
});
afterAll(() => test.stop());

function errorOf(text: string): { code: string; message: string; hint: string | null } {
  return errorResponse.parse(JSON.parse(text)).error;
}

/** An agent with the limits of a real one, for which no time passes: how fast a test is decides nothing. */
async function withFreshAgent(
  work: (fresh: TestAgent, limits: SharedLimits) => Promise<void>,
): Promise<void> {
  const limits = createSharedLimits(() => 0);
  const fresh = await startTestAgent({ limits });
  try {
    await work(fresh, limits);
  } finally {
    await fresh.stop();
  }
}

/** Waits for what must come; the test's own time-out says when it did not. */
async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await setImmediate();
}

describe('routes', () => {
  it.each(guarded.filter(([name, { method }]) => method === 'GET' && name !== 'logsStream'))(
    '%s answers as its schema says',
    async (name, route) => {
      const { status, text, headers } = await test.call('GET', route.path);
      expect(status).toBe(200);
      expect(responseSchemas[name].safeParse(JSON.parse(text)).success).toBe(true);
      expect(headers['cache-control']).toBe('no-store');
      expect(Object.keys(headers).filter((header) => header.startsWith('access-control'))).toEqual([]);
    },
  );

  it('/health tells a stranger the version and nothing of the machine', async () => {
    const { status, text } = await test.call('GET', '/health', { token: null });
    expect(status).toBe(200);
    expect(Object.keys(JSON.parse(text) as object).sort()).toEqual(['protocol', 'uptimeSeconds', 'version']);
  });

  it('refuses unknown paths, and methods that a route does not take', async () => {
    expect((await test.call('GET', '/')).status).toBe(404);
    for (const path of [
      '/Status',
      '/status/',
      '//status',
      '/%73tatus',
      '/health/../status',
      'http://spuff-agent/status',
    ]) {
      expect((await test.call('GET', path)).status, path).toBe(404);
    }
    for (const [, route] of table) {
      const other = route.method === 'GET' ? 'POST' : 'GET';
      const { status, headers } = await test.call(other, route.path);
      expect(status).toBe(405);
      expect(headers.allow).toBe(route.method);
    }
  });

  it('says nothing of a failure of its own but that there was one', async () => {
    await withFreshAgent(async (fresh) => {
      const { rmSync } = await import('node:fs');
      rmSync(fresh.paths.logRoot, { recursive: true });
      const { status, text } = await fresh.call('GET', '/logs?file=x.log');
      expect(status).toBe(500);
      expect(errorOf(text)).toEqual({
        code: 'internal',
        message: 'the agent failed; its journal says how',
        hint: null,
      });
      expect(fresh.journal.join()).toContain('ENOENT');
    });
  });
});

describe('bodies and queries', () => {
  it.each([
    ['no JSON', '{"argv"'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['an array', []],
    ['an unknown key', { argv: ['true'], shell: true }],
    ['a string for a list', { argv: 'true' }],
    ['an empty list', { argv: [] }],
    ['a nameless program', { argv: [''] }],
    ['a NUL', { argv: ['true', 'a\0b'] }],
    ['a relative folder', { argv: ['true'], cwd: 'src' }],
    ['no time', { argv: ['true'], timeoutSeconds: 0 }],
    ['part of a second', { argv: ['true'], timeoutSeconds: 1.5 }],
    ['more output than one answer holds', { argv: ['true'], maxOutputBytes: 2 ** 25 }],
  ])('refuses %s', async (_what, body) => {
    const { status, text } = await test.call('POST', '/exec', { body });
    expect(status).toBe(400);
    expect(errorOf(text).code).toBe('bad-request');
  });

  it('refuses a body that is too large, whether its length is said or not', async () => {
    const { bodyLimitBytes } = routes.heartbeat;
    const body = JSON.stringify({ client: 'x'.repeat(bodyLimitBytes), interactive: true });
    expect((await test.call('POST', '/heartbeat', { body })).status).toBe(413);
    const head = `POST /heartbeat HTTP/1.1\r\nHost: spuff-agent\r\n${tokenHeader}: ${test.token}\r\nContent-Type: application/json\r\n`;
    const chunk = `1000\r\n${' '.repeat(0x1000)}\r\n`;
    const answer = await sendRaw(test, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}`);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('refuses other types, and compression', async () => {
    const body = { client: 'x', interactive: true };
    for (const headers of [{ 'content-type': 'text/plain' }, { 'content-encoding': 'gzip' }]) {
      expect((await test.call('POST', '/heartbeat', { body, headers })).status).toBe(415);
    }
  });

  it('refuses a GET with a body, a POST with a query, and unknown or repeated names', async () => {
    expect((await test.call('GET', '/status', { body: {} })).status).toBe(400);
    expect((await test.call('POST', '/exec?x=1', { body: { argv: ['true'] } })).status).toBe(400);
    for (const query of [
      'limit=1&limit=2',
      'limti=1',
      'limit=0',
      'limit=-1',
      'limit=1e3',
      'limit=999999999',
      'sort=name',
    ]) {
      expect((await test.call('GET', `/processes?${query}`)).status, query).toBe(400);
    }
  });

  it('refuses requests that two readers could read differently', async () => {
    const head = `POST /heartbeat HTTP/1.1\r\nHost: spuff-agent\r\n${tokenHeader}: ${test.token}\r\n`;
    const smuggled = `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /status HTTP/1.1\r\n\r\n`;
    const answer = await sendRaw(test, smuggled);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

describe('limits', () => {
  it('answers pipelined calls in their order', async () => {
    const call = (path: string) =>
      `GET ${path} HTTP/1.1\r\nHost: spuff-agent\r\n${tokenHeader}: ${test.token}\r\n\r\n`;
    const answer = await sendRaw(
      test,
      call('/processes?limit=1') + call('/health') + call('/nothing'),
      (text) => (text.match(/^HTTP\/1\.1/gm) ?? []).length === 3 && text.endsWith('\n'),
    );
    expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(['200', '200', '404']);
    expect(answer.indexOf('sampleSeconds')).toBeLessThan(answer.indexOf('protocol'));
  });

  it('refuses headers that are too large', async () => {
    const answer = await sendRaw(
      test,
      `GET /health HTTP/1.1\r\nHost: spuff-agent\r\nX-A: ${'a'.repeat(9_000)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(errorOf(answer.split('\r\n\r\n')[1] ?? '').code).toBe('headers-too-large');
  });

  it('hangs up on a client that never finishes its headers, or says nothing', async () => {
    const [slow, silent] = await Promise.all([
      sendRaw(test, 'GET /health HTTP/1.1\r\nHost: '),
      sendRaw(test, ''),
    ]);
    expect(slow).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(silent).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  it('refuses strangers who ask too often, and still answers who holds the token', async () => {
    await withFreshAgent(async (fresh) => {
      const burst = serverLimits.strangers.burst + 50;
      const asked = Array.from({ length: burst }, () =>
        fresh.call('GET', '/health', { token: null, overTcp: true }),
      );
      const refused = (await Promise.all(asked.map((answer) => answer.catch(() => null)))).filter(
        (answer) => answer?.status === 429,
      );
      expect(refused.length).toBeGreaterThan(0);
      expect(refused[0]?.headers['retry-after']).toBe('1');
      expect((await fresh.call('GET', '/status')).status).toBe(200);
    });
  });

  it('counts strangers by listener: one who floods the port closes the socket to nobody', async () => {
    await withFreshAgent(async (fresh) => {
      const flood = async (headers: Record<string, string>) => {
        const asked = Array.from({ length: serverLimits.strangers.burst + 50 }, () =>
          fresh.call('GET', '/health', { token: null, overTcp: true, headers }).catch(() => null),
        );
        return (await Promise.all(asked)).map((answer) => answer?.status);
      };
      expect(await flood({})).toContain(429);
      for (const token of [null, fresh.token]) {
        expect((await fresh.call('GET', '/health', { token })).status).toBe(200);
      }
      // Nor does it to whoever holds the token and uses the port.
      expect((await fresh.call('GET', '/health', { overTcp: true })).status).toBe(200);
    });
  });

  it('counts those who call it by a wrong name as strangers', async () => {
    await withFreshAgent(async (fresh) => {
      const asked = Array.from({ length: serverLimits.strangers.burst + 20 }, () =>
        fresh.call('GET', '/status', { headers: { host: 'evil.example' } }),
      );
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      expect([...new Set(statuses)].sort()).toEqual([403, 429]);
      expect((await fresh.call('GET', '/status')).status).toBe(200);
    });
  });

  it('keeps no connection of a stranger', async () => {
    const strangers = [
      'GET /health HTTP/1.1\r\nHost: spuff-agent\r\n',
      `GET /status HTTP/1.1\r\nHost: spuff-agent\r\n${tokenHeader}: wrong\r\n`,
      'GET /nothing HTTP/1.1\r\nHost: spuff-agent\r\nConnection: keep-alive\r\n',
      'GET /health HTTP/1.1\r\nHost: evil.example\r\n',
    ];
    for (const head of strangers) {
      // It resolves when the agent has hung up.
      const answer = await sendRaw(test, `${head}\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 (200|401|403) /);
      expect(answer).toContain('\r\nConnection: close\r\n');
    }
    const owner = `GET /health HTTP/1.1\r\nHost: spuff-agent\r\n${tokenHeader}: ${test.token}\r\n\r\n`;
    const kept = await sendRaw(test, owner, (answer) => answer.includes('protocol'));
    expect(kept).toContain('\r\nConnection: keep-alive\r\n');
  });

  it('counts an answer as in progress until its reader has taken it', async () => {
    await withFreshAgent(async (fresh, limits) => {
      writeFileSync(join(fresh.paths.logRoot, 'large.log'), `${'x'.repeat(999)}\n`.repeat(4_000));
      const readers = Array.from({ length: serverLimits.callsInProgress }, () => connect(fresh.socketPath));
      const head = `Host: spuff-agent\r\n${tokenHeader}: ${fresh.token}\r\n\r\n`;
      for (const reader of readers) reader.write(`GET /logs?file=large.log&lines=5000 HTTP/1.1\r\n${head}`);
      // Each has the beginning of its answer, and takes no more.
      await Promise.all(readers.map((reader) => once(reader, 'readable')));
      expect((await fresh.call('GET', '/status')).status).toBe(503);
      for (const reader of readers) reader.destroy();
      await until(() => limits.inProgress === 0);
      expect((await fresh.call('GET', '/status')).status).toBe(200);
    });
  });

  it('refuses calls with the token that come too fast', async () => {
    await withFreshAgent(async (fresh) => {
      const statuses = new Set<number>();
      for (let round = 0; round < 12; round++) {
        const asked = Array.from({ length: 25 }, () => fresh.call('GET', '/cloud-init'));
        for (const { status } of await Promise.all(asked)) statuses.add(status);
      }
      expect([...statuses].sort()).toEqual([200, 429]);
    });
  });

  it('refuses more calls at once than it takes, and recovers', async () => {
    await withFreshAgent(async (fresh, limits) => {
      const callers = Array.from({ length: serverLimits.callsInProgress }, () => connect(fresh.socketPath));
      const head = `Host: spuff-agent\r\n${tokenHeader}: ${fresh.token}\r\nContent-Type: application/json\r\n`;
      // Each keeps the end of its body to itself.
      for (const caller of callers)
        caller.write(`POST /heartbeat HTTP/1.1\r\n${head}Content-Length: 9\r\n\r\n{`);
      await until(() => limits.inProgress === serverLimits.callsInProgress);
      const { status, text } = await fresh.call('GET', '/status');
      expect([status, errorOf(text).code]).toEqual([503, 'busy']);
      for (const caller of callers) caller.destroy();
      await until(() => limits.inProgress === 0);
      expect((await fresh.call('GET', '/status')).status).toBe(200);
    });
  });
});
