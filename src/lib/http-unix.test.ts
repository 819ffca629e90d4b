import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requestOverSocket, type SocketRequest, streamOverSocket } from './http-unix.ts';

let directory: string;
let socketPath: string;
let server: Server | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'http-unix-'));
  socketPath = join(directory, 's');
});

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
  rmSync(directory, { recursive: true });
});

async function serve(listener: RequestListener): Promise<void> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(socketPath, resolve));
}

function get(change: Partial<SocketRequest> = {}): SocketRequest {
  const signal = new AbortController().signal;
  return {
    socketPath,
    method: 'GET',
    path: '/x',
    headers: {},
    timeoutMs: 5_000,
    maxBytes: 100,
    signal,
    ...change,
  };
}

async function lines(request: SocketRequest): Promise<string[]> {
  const all: string[] = [];
  for await (const line of streamOverSocket(request, ({ status, body }) => new Error(`${status} ${body}`)))
    all.push(line);
  return all;
}

describe('requests', () => {
  it('sends the body and headers, and reads the answer', async () => {
    await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () =>
        response.writeHead(201).end(`${request.method} ${request.url} ${request.headers['x-a']} ${body}`),
      );
    });
    const answer = await requestOverSocket(get({ method: 'POST', headers: { 'x-a': 'b' }, body: 'grüße' }));
    expect(answer).toEqual({ status: 201, body: 'POST /x b grüße' });
  });

  it('says so when nobody listens', async () => {
    await expect(requestOverSocket(get())).rejects.toMatchObject({
      code: 'agent',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('refuses an answer that is too long', async () => {
    await serve((_request, response) => response.end('x'.repeat(101)));
    await expect(requestOverSocket(get())).rejects.toMatchObject({
      code: 'agent',
      message: 'the answer is longer than 100 bytes',
    });
  });

  it('notices an answer that is cut short', async () => {
    await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 50 });
      response.write('half');
      setImmediate(() => response.socket?.destroy());
    });
    await expect(requestOverSocket(get())).rejects.toMatchObject({ code: 'agent' });
  });

  it('gives up after its time, and when it is stopped', async () => {
    await serve(() => undefined);
    await expect(requestOverSocket(get({ timeoutMs: 20 }))).rejects.toMatchObject({ code: 'timeout' });
    const stop = new AbortController();
    const pending = requestOverSocket(get({ signal: stop.signal }));
    stop.abort();
    await expect(pending).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('streams', () => {
  it('gives whole lines however they arrive', async () => {
    await serve((_request, response) => {
      const bytes = Buffer.from('one\nzwölf\n\nlast');
      void (async () => {
        for (const byte of bytes)
          await new Promise<void>((resolve) => response.write(Buffer.from([byte]), () => resolve()));
        response.end();
      })();
    });
    expect(await lines(get())).toEqual(['one', 'zwölf', '', 'last']);
  });

  it('counts the silence of the other side only, not the time that the reader takes for a line', async () => {
    let goOn: () => void = () => undefined;
    await serve((_request, response) => {
      response.write('one\n');
      goOn = () => response.end('two\n');
    });
    const seen: string[] = [];
    for await (const line of streamOverSocket(get({ timeoutMs: 50 }), () => new Error('refused'))) {
      seen.push(line);
      if (line === 'two') continue;
      await new Promise((resolve) => setTimeout(resolve, 150));
      goOn();
    }
    expect(seen).toEqual(['one', 'two']);
  });

  it('makes an error of a refusal, and of a line that never ends', async () => {
    await serve((request, response) => {
      if (request.url === '/no') response.writeHead(404).end('nope');
      else response.end('x'.repeat(101));
    });
    await expect(lines(get({ path: '/no' }))).rejects.toThrow('404 nope');
    await expect(lines(get())).rejects.toMatchObject({ code: 'agent' });
  });

  it('ends the connection when the reader has enough, and gives up on silence', async () => {
    let closed: (value: string) => void = () => undefined;
    const ended = new Promise<string>((resolve) => (closed = resolve));
    await serve((_request, response) => {
      response.on('close', () => closed('closed'));
      response.write('first\n');
    });
    for await (const line of streamOverSocket(get(), () => new Error('refused'))) {
      expect(line).toBe('first');
      break;
    }
    expect(await ended).toBe('closed');
    await expect(lines(get({ timeoutMs: 20 }))).rejects.toMatchObject({ code: 'timeout' });
  });
});
