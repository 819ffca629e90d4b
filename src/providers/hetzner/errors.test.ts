import { describe, expect, it } from 'vitest';
import { ProviderError, type ProviderErrorCode } from '../../domain/provider-error.ts';
import type { HttpsAnswer } from '../../lib/https.ts';
import { showText, toError } from './errors.ts';

const halfToken = 'aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY';

const answer = (status: number, body: unknown): HttpsAnswer => ({
  status,
  headers: { 'x-correlation-id': 'fab71a0b37646b3b' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const remote = (code: string, message: string, details: unknown = null) => ({
  error: { code, message, details },
});
const mapped = (status: number, body: unknown, repeatable = true) =>
  toError(answer(status, body), { op: 'create', method: 'POST', path: '/servers', repeatable });

/** Bodies as the API was seen to give them, or as its description has them. */
const table: readonly [ProviderErrorCode, number, unknown][] = [
  ['invalid', 400, remote('json_error', 'failed to decode JSON')],
  ['auth', 401, remote('unauthorized', 'unable to authenticate')],
  ['forbidden', 401, remote('token_readonly', 'the token is only allowed to perform GET requests')],
  ['forbidden', 403, remote('forbidden', 'insufficient permissions for this request')],
  ['server', 403, remote('maintenance', 'cannot perform operation due to maintenance')],
  [
    'quota',
    403,
    remote('resource_limit_exceeded', 'project limit exceeded', { limits: [{ name: 'project_limit' }] }),
  ],
  ['not-found', 404, remote('not_found', "server with ID '42' not found")],
  ['invalid', 405, remote('method_not_allowed', 'method is not allowed')],
  ['name-taken', 409, remote('uniqueness_error', 'server name is already used', {})],
  ['conflict', 409, remote('conflict', 'the resource has changed during the request, please retry')],
  ['deprecated', 410, remote('deprecated_api_endpoint', 'API functionality was removed')],
  ['capacity', 412, remote('resource_unavailable', 'error during placement')],
  [
    'invalid',
    422,
    remote('invalid_input', "invalid input in field 'user_data'", {
      fields: [{ name: 'user_data', messages: ['Length must be between 0 and 32768.'] }],
    }),
  ],
  ['region-unavailable', 422, remote('invalid_input', 'unsupported location for server type')],
  ['region-unavailable', 422, remote('invalid_input', 'invalid input', { fields: [{ name: 'location' }] })],
  ['capacity', 422, remote('placement_error', 'could not place the server')],
  ['conflict', 422, remote('resource_in_use', 'firewall with ID 1103544 is still in use')],
  ['conflict', 422, remote('must_be_unassigned', 'primary IP must be unassigned')],
  ['server', 422, remote('service_error', 'error within a service')],
  ['conflict', 423, remote('locked', 'server is locked')],
  ['protected', 423, remote('protected', 'server deletion is protected')],
  [
    'rate-limited',
    429,
    remote('rate_limit_exceeded', `Limit of '3600' requests per hour for token '${halfToken}...' reached.`),
  ],
  [
    'rate-limited',
    403,
    remote('rate_limit_exceeded', `Limit of '3600' requests per hour for token '${halfToken}...' reached.`),
  ],
  ['server', 500, remote('server_error', 'an internal error occurred')],
  ['server', 502, '<html><body>502 Bad Gateway</body></html>'],
  ['server', 503, remote('unavailable', 'service unavailable')],
  ['server', 504, remote('timeout', 'request timeout')],
  ['invalid', 418, ''],
  ['invalid', 422, remote('something_new', 'what nobody knows yet')],
  ['protocol', 302, ''],
];

describe('an error of the API', () => {
  it.each(table)('is %s for %i %j', (code, status, body) => {
    const error = mapped(status, body);
    expect(error).toBeInstanceOf(ProviderError);
    expect(error.providerCode).toBe(code);
    expect(error.info).toMatchObject({
      provider: 'hetzner',
      op: 'create',
      status,
      requestId: 'fab71a0b37646b3b',
    });
    expect(JSON.stringify([error.message, error.hints, error.info])).not.toContain(halfToken.slice(0, 20));
  });

  it('is to be tried again only where it had no effect or may be repeated', () => {
    expect(mapped(423, remote('locked', '')).info.retryable).toBe(true);
    expect(mapped(429, '').info.retryable).toBe(true);
    expect(mapped(500, '').info.retryable).toBe(true);
    expect(mapped(500, '', false).info.retryable).toBe(false);
    expect(mapped(401, '').info.retryable).toBe(false);
    expect(mapped(412, '').info.retryable).toBe(false);
  });

  it('says what to do about a token', () => {
    const hints = mapped(401, remote('unauthorized', 'unable to authenticate')).hints.join('\n');
    for (const part of [
      'HCLOUD_TOKEN',
      'HETZNER_TOKEN',
      'Security > API tokens',
      'https://console.hetzner.cloud',
      'Read & Write',
    ])
      expect(hints).toContain(part);
    expect(mapped(401, remote('token_readonly', '')).hints.join('\n')).toContain('Read & Write');
  });

  it('names the limit that is reached, and the field that is wrong', () => {
    const limit = remote('resource_limit_exceeded', 'server limit reached', {
      limits: [{ name: 'server_limit' }],
    });
    expect(mapped(403, limit).message).toContain('server_limit');
    const field = remote('invalid_input', 'invalid input', { fields: [{ name: 'image' }] });
    expect(mapped(422, field).info.field).toBe('image');
  });

  it('is not believed to be well formed', () => {
    for (const body of [
      'null',
      '[]',
      '{"error":null}',
      '{"error":{"code":5,"message":{},"details":[1]}}',
      '{"error":{"details":{"fields":"x","limits":[null]}}}',
    ])
      expect(mapped(422, body).message).toBe('Hetzner Cloud refused: HTTP 422');
    const hostile = remote('a\u001b[2Jb', 'line\u202e one\ntwo');
    expect(mapped(422, hostile).message).toBe('Hetzner Cloud refused: line\\u202e one\\ntwo (a\\x1b[2Jb)');
  });
});

describe('text of the API', () => {
  it('loses what may be a token or a part of one, and keeps ids', () => {
    expect(showText(`for '${halfToken}...'`)).toBe("for '[redacted]...'");
    expect(showText('1103544 fab71a0b37646b3b6c20080c4abdc861')).toContain(
      'fab71a0b37646b3b6c20080c4abdc861',
    );
  });
});
