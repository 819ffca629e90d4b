import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallOptions } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import {
  type ApiClientDeps,
  type ApiRequest,
  createApiClient,
  parseJson,
  readRetryAfter,
} from './api-client.ts';
import { checkApiAddress } from './https.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

let server: Server;
let handler: Handler;
let count: number;
let nowMs: number;
let sleeps: number[];
beforeEach(async () => {
  [count, nowMs, sleeps] = [0, 0, []];
  server = createServer((request, response) => handler(request, response, ++count));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function makeClient(change: Partial<ApiClientDeps> = {}) {
  return createApiClient({
    provider: 'test',
    baseUrl: checkApiAddress(`${address()}/v2`, {}),
    // Time passes only by sleeping.
    runtime: {
      now: () => nowMs,
      sleep: async (ms, signal) => {
        signal.throwIfAborted();
        sleeps.push(ms);
        nowMs += ms;
      },
      random: () => 1,
    },
    authorize: async () => ({ authorization: 'Bearer x' }),
    toError: ({ status }, { op }) => {
      const code = status === 429 ? 'rate-limited' : status >= 500 ? 'server' : 'invalid';
      return new ProviderError(code, `HTTP ${status}`, {
        provider: 'test',
        op,
        retryable: status >= 429,
        status,
      });
    },
    spacingMs: 0,
    retryAfterMs: (answer) => readRetryAfter(answer, nowMs),
    ...change,
  });
}

function within(ms: number, change: Partial<CallOptions> = {}): CallOptions {
  return { signal: new AbortController().signal, deadline: new Date(nowMs + ms), ...change };
}

const look: ApiRequest = { op: 'get', method: 'GET', path: '/droplets/1', repeatable: true };
const make: ApiRequest = {
  op: 'create',
  method: 'POST',
  path: '/droplets',
  body: '{"é":1}',
  repeatable: false,
};

describe('a request', () => {
  it('carries its address, its query, its body and who asks', async () => {
    const seen: unknown[] = [];
    handler = async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString();
      seen.push([
        request.method,
        request.url,
        request.headers.authorization,
        request.headers['content-length'],
        body,
      ]);
      response.end('{}');
    };
    const client = makeClient();
    await client.send({ ...look, query: { page: 2, name: 'a b&c', tag: undefined } }, within(60_000));
    await client.send(make, within(60_000));
    expect(seen).toEqual([
      ['GET', '/v2/droplets/1?page=2&name=a+b%26c', 'Bearer x', undefined, ''],
      ['POST', '/v2/droplets', 'Bearer x', '8', '{"é":1}'],
    ]);
  });

  it('is told, without who asks', async () => {
    const told: unknown[] = [];
    const onRequest = (request: unknown) => void told.push(request);
    handler = (_request, response) =>
      response.writeHead(200, { date: 'Mon, 23 Nov 2026 12:00:00 GMT' }).end('{}');
    await makeClient().send(look, within(60_000, { onRequest }));
    const serverTime = new Date('2026-11-23T12:00:00Z');
    expect(told).toEqual([{ method: 'GET', url: '/v2/droplets/1', status: 200, ms: 0, serverTime }]);
  });

  it.each(['', 'yesterday', '1', 'Mon, 99 Nov 2026 12:00:00 GMT', '2026-11-23T12:00:00Z'])(
    'that is answered with the time %j is told without one',
    async (date) => {
      let told: object = {};
      handler = (_request, response) => response.writeHead(200, { date }).end('{}');
      await makeClient().send(look, within(60_000, { onRequest: (request) => (told = request) }));
      expect(told).toEqual({ method: 'GET', url: '/v2/droplets/1', status: 200, ms: 0 });
    },
  );
});

describe('asking again', () => {
  it.each([500, 502, 503, 504])('follows %i where that is safe, longer apart each time', async (status) => {
    handler = (_request, response, nth) => response.writeHead(nth < 4 ? status : 200).end('{}');
    expect(await makeClient().send(look, within(60_000))).toMatchObject({ status: 200 });
    expect(sleeps).toEqual([500, 1_000, 2_000]);
  });

  it('does not follow a server error where it is not', async () => {
    handler = (_request, response) => response.writeHead(503).end('{}');
    await expect(makeClient().send(make, within(60_000))).rejects.toMatchObject({ providerCode: 'server' });
    expect(count).toBe(1);
  });

  it('never follows a refusal', async () => {
    handler = (_request, response) => response.writeHead(422).end('{}');
    await expect(makeClient().send(look, within(60_000))).rejects.toMatchObject({ providerCode: 'invalid' });
    expect(count).toBe(1);
  });

  it.each([look, make])('follows 429, as late as it says: $method', async (request) => {
    handler = (_request, response, nth) => {
      response.writeHead(nth === 1 ? 429 : 200, { 'retry-after': '7' }).end('{}');
    };
    await makeClient().send(request, within(60_000));
    expect(sleeps).toEqual([7_000]);
  });

  it('does not wait for a moment after the deadline', async () => {
    handler = (_request, response) => response.writeHead(429, { 'retry-after': '120' }).end('{}');
    await expect(makeClient().send(look, within(60_000))).rejects.toMatchObject({
      providerCode: 'rate-limited',
    });
    expect([count, sleeps]).toEqual([1, []]);
  });

  it('ends after six tries', async () => {
    handler = (_request, response) => response.writeHead(500).end('{}');
    await expect(makeClient().send(look, within(3_600_000))).rejects.toMatchObject({
      providerCode: 'server',
    });
    expect(count).toBe(6);
  });
});

describe('an answer that is lost', () => {
  const cut: Handler = (request, response, nth) => {
    if (nth === 1) request.socket.destroy();
    else response.end('{}');
  };

  it('is asked for again where that is safe', async () => {
    handler = cut;
    expect(await makeClient().send(look, within(60_000))).toMatchObject({ status: 200 });
    expect(count).toBe(2);
  });

  it('is ambiguous where it is not, and nothing is sent again', async () => {
    handler = cut;
    await expect(makeClient().send(make, within(60_000))).rejects.toMatchObject({
      providerCode: 'ambiguous',
      info: { retryable: false },
    });
    expect(count).toBe(1);
  });

  it('in the middle of its body is lost as well', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"id":');
      setTimeout(() => response.destroy(), 5);
    };
    await expect(makeClient().send(make, within(60_000))).rejects.toMatchObject({
      providerCode: 'ambiguous',
    });
  });

  it('is no question where nobody listens: nothing was sent, so it is sent again, until the deadline', async () => {
    const client = makeClient();
    await new Promise((resolve) => server.close(resolve));
    await expect(client.send(make, within(3_000))).rejects.toMatchObject({
      providerCode: 'network',
      info: { retryable: true },
    });
    expect(sleeps).toEqual([500, 1_000]);
  });
});

describe('the end of a call', () => {
  it('before its first request makes none', async () => {
    handler = (_request, response) => response.end('{}');
    await expect(makeClient().send(look, within(0))).rejects.toMatchObject({ providerCode: 'timeout' });
    const signal = AbortSignal.abort();
    await expect(makeClient().send(look, within(9, { signal }))).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(count).toBe(0);
  });

  it('by Ctrl-C does not wait for the answer', async () => {
    const controller = new AbortController();
    handler = () => controller.abort();
    await expect(
      makeClient().send(look, within(60_000, { signal: controller.signal })),
    ).rejects.toMatchObject({
      code: 'interrupted',
    });
  });

  it('by its deadline does not either', async () => {
    handler = () => undefined;
    await expect(makeClient().send(look, within(50))).rejects.toMatchObject({ providerCode: 'timeout' });
  });

  it('comes for an answer without an end', async () => {
    handler = (_request, response) => {
      const more = () => response.write('x'.repeat(1024 * 1024)) || true;
      response.on('drain', more);
      more();
    };
    await expect(makeClient().send(look, within(60_000))).rejects.toMatchObject({ providerCode: 'protocol' });
    expect(count).toBe(1);
  });
});

it('many requests at once start a fixed time apart', async () => {
  handler = (_request, response) => response.end('{}');
  const client = makeClient({ spacingMs: 250 });
  for (let at = 0; at < 4; at++) await client.send(look, within(60_000));
  expect(sleeps).toEqual([250, 250, 250]);
});

it('a few may start together, once so much time has passed without any', async () => {
  handler = (_request, response) => response.end('{}');
  const client = makeClient({ spacingMs: 100, burst: 3 });
  for (let at = 0; at < 5; at++) await client.send(look, within(60_000));
  expect(sleeps).toEqual([100, 100]);
  nowMs += 200;
  for (let at = 0; at < 3; at++) await client.send(look, within(60_000));
  expect(sleeps).toEqual([100, 100, 100]);
  nowMs += 60_000;
  for (let at = 0; at < 4; at++) await client.send(look, within(60_000));
  expect(sleeps).toEqual([100, 100, 100, 100]);
});

describe('what is no JSON', () => {
  it.each([
    ['<html><body>Bad gateway \u001b[2J', '<html><body>Bad gateway \\\\x1b[2J'],
    ['{"droplets":[{"id":1', '{'],
    ['', 'an empty answer'],
    [`dop_${'v1'}_${'0'.repeat(64)}`, '[redacted]'],
  ])('is an error that shows its beginning: %j', (body, shown) => {
    const answer = { status: 502, headers: {}, body };
    const read = () => parseJson(answer, { provider: 'test', op: 'get' });
    expect(read).toThrow(shown);
    expect(read).toThrow(expect.objectContaining({ providerCode: 'protocol' }));
  });
});

describe('Retry-After', () => {
  it.each([
    ['30', 30_000],
    ['Thu, 01 Jan 1970 00:01:00 GMT', 59_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', null],
    ['-1', null],

    [undefined, null],
  ])('%j is %j ms from the first second on', (value, expected) => {
    const headers = value === undefined ? {} : { 'retry-after': value };
    expect(readRetryAfter({ status: 429, headers: headers as Record<string, string>, body: '' }, 1_000)).toBe(
      expected,
    );
  });
});
