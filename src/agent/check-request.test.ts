import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorResponse } from '../protocol/response-schemas.ts';
import { type Route, type RouteName, routes, tokenHeader } from '../protocol/routes.ts';
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

describe('the token', () => {
  it('is needed by every route but /health', () => {
    expect(table.filter(([, route]) => !route.authenticated).map(([name]) => name)).toEqual(['health']);
  });

  const attacks: Record<string, (token: string) => string | string[] | null> = {
    'no token': () => null,
    'an empty one': () => '',
    'a wrong one': (token) => `${token.slice(0, -1)}X`,
    'another machine’s': () => 'another-machine-0123456789abcdefghijklmnopqr',
    'a cut one': (token) => token.slice(0, -1),
    'one with more behind it': (token) => `${token}=`,
    'one in other case': (token) => token.toUpperCase(),
    // All that is on the machine: knowing it must open nothing.
    'its hash': (token) => createHash('sha256').update(token).digest('hex'),
    'an oversized one': (token) => token.repeat(100),
    'the right one twice': (token) => [token, token],
  };
  it.each(Object.keys(attacks))(
    'refuses %s on every route alike',
    async (attack) => {
      for (const overTcp of [false, true]) {
        for (const [, route] of guarded) {
          const token = attacks[attack]?.(test.token) ?? null;
          const headers: Record<string, string | string[]> = token === null ? {} : { [tokenHeader]: token };
          const { status, text } = await test.call(route.method, route.path, {
            token: null,
            headers,
            overTcp,
          });
          expect(status).toBe(401);
          expect(errorOf(text).code).toBe('unauthorized');
        }
      }
    },
    30_000,
  );

  it('is asked for before a stranger learns which routes there are', async () => {
    const asked = [
      await test.call('GET', '/nothing-here', { token: null }),
      await test.call('DELETE', '/status', { token: null }),
      await test.call('POST', '/health', { token: null }),
      await test.call('OPTIONS', '/exec', { token: null }),
    ];
    expect(new Set(asked.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(asked[0]?.status).toBe(401);
  });

  it('is asked for before the body is read', async () => {
    const answer = await sendRaw(
      test,
      'POST /exec HTTP/1.1\r\nHost: spuff-agent\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"argv"',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain('Connection: close');
  });

  it('is asked for before "100 Continue" invites a body', async () => {
    const answer = await sendRaw(
      test,
      'POST /exec HTTP/1.1\r\nHost: spuff-agent\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('lets nobody in when none is configured', async () => {
    const { createTokenCheck } = await import('./check-request.ts');
    for (const sha256 of [
      undefined,
      '',
      '0'.repeat(64),
      'g'.repeat(64),
      'e3b0c44298fc1c149afbf4c8996fb924',
    ]) {
      const isRight = createTokenCheck(sha256);
      expect(isRight({ headers: {} } as never)).toBe(false);
      expect(isRight({ headers: { [tokenHeader]: '' } } as never)).toBe(false);
      expect(isRight({ headers: { [tokenHeader]: test.token } } as never)).toBe(false);
    }
  });
});

describe('the Host header', () => {
  it.each([
    'evil.example',
    'spuff-agent.evil.example',
    'localhost:80',
    '127.0.0.1:7575.evil.example',
    '0.0.0.0:7575',
    '[::]:7575',
  ])('refuses %j', async (host) => {
    for (const overTcp of [false, true]) {
      for (const path of ['/health', '/status']) {
        const { status, text } = await test.call('GET', path, { headers: { host }, overTcp });
        expect(status).toBe(403);
        expect(errorOf(text).code).toBe('wrong-host');
      }
    }
  });

  it('takes each name of the listener that was reached, and not those of the other', async () => {
    for (const host of ['127.0.0.1:7575', 'localhost:7575', 'LocalHost:7575', '[::1]:7575']) {
      expect((await test.call('GET', '/health', { headers: { host }, overTcp: true })).status).toBe(200);
      expect((await test.call('GET', '/health', { headers: { host } })).status).toBe(403);
    }
    for (const host of ['spuff-agent', 'localhost']) {
      expect((await test.call('GET', '/health', { headers: { host } })).status).toBe(200);
      expect((await test.call('GET', '/health', { headers: { host }, overTcp: true })).status).toBe(403);
    }
  });

  it('refuses two of them, an empty one, and none', async () => {
    expect(await sendRaw(test, 'GET /health HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 403 /,
    );
    const twice = await sendRaw(
      test,
      'GET /health HTTP/1.1\r\nHost: spuff-agent\r\nHost: spuff-agent\r\nConnection: close\r\n\r\n',
    );
    expect(twice).toMatch(/^HTTP\/1\.1 40[03] /);
    const none = await sendRaw(test, 'GET /health HTTP/1.0\r\n\r\n');
    expect(none).toMatch(/^HTTP\/1\.1 403 /);
  });
});
