import { describe, expect, it } from 'vitest';
import { SpuffError } from '../../domain/errors.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { engineMessage, statusOf, toProviderError } from './engine-errors.ts';

const context = { op: 'create', where: '/s', repeatable: true };

function answer(statusCode: number, message: string): Error {
  return Object.assign(new Error(`(HTTP code ${statusCode}) ${message}`), { statusCode, json: { message } });
}

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

describe('toProviderError', () => {
  it.each([
    [400, 'invalid', false],
    [401, 'auth', false],
    [403, 'forbidden', false],
    [404, 'not-found', false],
    [409, 'conflict', false],
    [418, 'server', false],
    [429, 'rate-limited', false],
    [500, 'server', true],
    [503, 'server', true],
  ])('reads status %d as %s', (status, providerCode, retryable) => {
    const error = toProviderError(answer(status, 'no'), context);
    expect(error).toMatchObject({
      providerCode,
      message: 'the container engine refused: no',
      info: { provider: 'local', op: 'create', status, retryable },
    });
  });

  it('promises nothing for what may not be repeated', () => {
    const once = { ...context, repeatable: false };
    expect(toProviderError(answer(500, 'no'), once)).toMatchObject({ info: { retryable: false } });
    expect(toProviderError(systemError('ECONNRESET', 'read'), once)).toMatchObject({
      info: { retryable: false },
    });
  });

  it("knows the engine's full disk", () => {
    const error = toProviderError(answer(500, 'write /x: no space left on device'), context);
    expect(error).toMatchObject({ providerCode: 'quota', code: 'quota', info: { retryable: false } });
  });

  it.each([
    ['EACCES', 'this user may not use the container engine at /s'],
    ['ENOENT', 'no container engine answers at /s'],
    ['ECONNREFUSED', 'no container engine answers at /s'],
    ['ETIMEDOUT', 'the connection to the container engine broke: connect ETIMEDOUT'],
  ])('reads %s of a connection', (code, message) => {
    expect(toProviderError(systemError(code, 'connect'), context)).toMatchObject({
      providerCode: 'network',
      message,
    });
  });

  it.each(['EACCES', 'EPERM', 'ENOENT'])('does not take %s of a file for the engine', (code) => {
    const { message } = toProviderError(systemError(code, 'open'), context);
    expect(message).not.toMatch(/may not use|no container engine/);
  });

  it('leaves our own errors as they are', () => {
    const own = new SpuffError('state', 'full');
    expect(toProviderError(own, context)).toBe(own);
  });
});

describe('statusOf and engineMessage', () => {
  it('find what there is', () => {
    const own = new ProviderError('conflict', 'x', {
      provider: 'local',
      op: 'x',
      retryable: false,
      status: 409,
    });
    expect([answer(404, 'x'), own, new Error('x'), null, 'x', { statusCode: '404' }].map(statusOf)).toEqual([
      404,
      409,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('make one line of what the engine says, safe to print', () => {
    const message = engineMessage(answer(500, ' a\n\u001b[2Jb '));
    expect(message).not.toContain('\n');
    expect(message).not.toContain('\u001b');
    expect(engineMessage(answer(500, 'x'.repeat(9_999)))).toHaveLength(500);
    expect(engineMessage('plain')).toBe('plain');
  });
});
