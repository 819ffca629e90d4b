import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createHttpsServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecureVersion } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { checkApiAddress } from '../../src/lib/https.ts';
import { runProcess } from '../../src/lib/process.ts';

// W1: a token goes over TLS 1.2 or newer, to a server whose certificate proves that it is the one meant, or nowhere.

const program = join(import.meta.dirname, '../fakes/api-call.ts');
const canary = 'canary-of-the-api-token-0123456789';
let folder: string;
let servers: Server[] = [];
/** Every request that a server could read. */
let heard: string[] = [];

const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });

/** A certificate for a name or an address, signed by the authority of the test, or by itself. */
function issue(name: string, subject: string, by: 'authority' | 'itself', days = '30'): void {
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    `${name}.key`,
  ];
  const signer = by === 'authority' ? ['-CA', 'ca.pem', '-CAkey', 'ca.key'] : [];
  openssl(
    'req',
    '-x509',
    ...key,
    ...signer,
    '-subj',
    `/CN=${name}`,
    '-days',
    days,
    '-addext',
    `subjectAltName=${subject}`,
    '-addext',
    'basicConstraints=critical,CA:FALSE',
    '-out',
    `${name}.pem`,
  ); // prettier-ignore
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-w1-'));
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    'ca.key',
    '-subj',
    '/CN=authority',
    '-days',
    '30',
    '-out',
    'ca.pem',
  ); // prettier-ignore
  issue('good', 'IP:127.0.0.1', 'authority');
  issue('elsewhere', 'DNS:api.example.com', 'authority');
  issue('own', 'IP:127.0.0.1', 'itself');
});
afterEach(() => {
  for (const server of servers) server.close();
  servers = [];
  heard = [];
});
afterAll(() => rmSync(folder, { recursive: true }));

const answerAll: RequestListener = (request, response) => {
  heard.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
  response.end('{"ok":true}');
};

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function listenTls(
  certificate: string,
  versions: SecureVersion[] = [],
  handler = answerAll,
): Promise<string> {
  const [minVersion, maxVersion] = versions;
  const server = createHttpsServer(
    {
      key: readFileSync(join(folder, `${certificate}.key`)),
      cert: readFileSync(join(folder, `${certificate}.pem`)),
      // OpenSSL 3 speaks the old versions at this level only.
      ...(minVersion && { minVersion, maxVersion: maxVersion ?? minVersion, ciphers: 'DEFAULT@SECLEVEL=0' }),
    },
    handler,
  );
  return `https://127.0.0.1:${await listen(server)}`;
}

interface Outcome {
  status?: number;
  code?: string;
  message?: string;
  hints?: string[];
}

async function call(address: string, env: Record<string, string> = {}): Promise<Outcome> {
  const { stdout, stderr } = await runProcess([process.execPath, program, address, canary], {
    env: { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), ...env },
    timeoutMs: 30_000,
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Outcome;
}

describe('an API', () => {
  it.each<[SecureVersion]>([['TLSv1.2'], ['TLSv1.3']])(
    'with a good certificate and %s gets the token',
    async (version) => {
      expect(await call(await listenTls('good', [version]))).toMatchObject({ status: 200 });
      expect(heard.join()).toContain(canary);
    },
  );

  it.each<[string, () => Promise<string>, string]>([
    ['speaks TLS 1.1', () => listenTls('good', ['TLSv1.1']), 'EPROTO'],
    ['speaks TLS 1.0', () => listenTls('good', ['TLSv1']), 'EPROTO'],
    ['has signed its certificate itself', () => listenTls('own'), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['has a certificate for another name', () => listenTls('elsewhere'), 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('that %s gets nothing', async (_name, start, reason) => {
    const outcome = await call(await start());
    expect(outcome).toMatchObject({ code: 'unavailable' });
    expect(outcome.message).toContain('did not prove who it is');
    expect(outcome.message).toContain(reason);
    expect(heard).toEqual([]);
  });

  it.each<[SecureVersion]>([['TLSv1'], ['TLSv1.1']])(
    'of the test that speaks %s would have answered',
    async (version) => {
      const address = new URL(await listenTls('good', [version]));
      const lenient = {
        minVersion: version,
        ciphers: 'DEFAULT@SECLEVEL=0',
        ca: readFileSync(join(folder, 'ca.pem')),
      };
      const [answer] = (await once(
        get({ host: address.hostname, port: address.port, ...lenient }),
        'response',
      )) as [IncomingMessage];
      expect(answer.resume().statusCode).toBe(200);
    },
  );

  it('that speaks no TLS at all gets nothing', async () => {
    const port = await listen(createHttpServer(answerAll));
    expect(await call(`https://127.0.0.1:${port}`)).toMatchObject({ code: 'unavailable' });
    expect(heard).toEqual([]);
  });

  it('gets nothing when the environment switches verification off', async () => {
    const outcome = await call(await listenTls('own'), { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(outcome).toMatchObject({ code: 'config' });
    expect(outcome.message).toContain('NODE_TLS_REJECT_UNAUTHORIZED');
    expect(heard).toEqual([]);
  });

  it.each([301, 302, 307, 308])('that redirects (%i) is the last to get the token', async (status) => {
    const other = await listenTls('good');
    const first = await listenTls('good', [], (_request, response) => {
      response.writeHead(status, { location: `${other}/account` }).end();
    });
    expect(await call(first)).toMatchObject({ code: 'provider', message: `HTTP ${status}` });
    expect(heard).toEqual([]);
  });
});

describe('an address', () => {
  it.each([
    ['http://api.example.com', 'not encrypted'],
    ['http://localhost', 'not encrypted'],
    ['http://127.0.0.1.example.com', 'not encrypted'],
    ['http://10.0.0.1', 'not encrypted'],
    ['http://0.0.0.0', 'not encrypted'],
    ['https://user:hunter2@api.example.com', 'a user or a password'],
    ['ftp://api.example.com', 'not the address of an API'],
    ['api.example.com', 'not the address of an API'],
  ])('%s is refused, and no password in it repeated', (address, reason) => {
    expect(() => checkApiAddress(address, {})).toThrow(reason);
    expect(() => checkApiAddress(address, {})).not.toThrow('hunter2');
  });

  it.each(['https://api.example.com/v2', 'http://127.0.0.1:8080', 'http://[::1]:8080'])(
    '%s is taken',
    (address) => {
      expect(checkApiAddress(address, {}).href).toContain(address);
    },
  );
});
