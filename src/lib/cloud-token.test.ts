import { describe, expect, it } from 'vitest';
import { readCloudToken, type TokenSource } from './cloud-token.ts';

const signal = new AbortController().signal;

function source(change: Partial<TokenSource> = {}): TokenSource {
  return {
    provider: 'somecloud',
    variables: ['SOME_TOKEN', 'OTHER_TOKEN'],
    makeItAt: 'https://example.com/tokens',
    command: null,
    env: { PATH: process.env['PATH'] },
    ...change,
  };
}

const command = (script: string) => `sh -c '${script}'`;

describe('readCloudToken', () => {
  it('takes SPUFF_API_TOKEN over all, then the variables in their order, then the command', async () => {
    const env = {
      PATH: process.env['PATH'],
      OTHER_TOKEN: 'second',
      SOME_TOKEN: ' first\n',
      SPUFF_API_TOKEN: 'over',
    };
    const read = async (given: NodeJS.ProcessEnv) =>
      (await readCloudToken(source({ env: given, command: 'echo printed' }), signal)).reveal();
    expect(await read(env)).toBe('over');
    const { SPUFF_API_TOKEN: _over, ...own } = env;
    expect(await read(own)).toBe('first');
    const { SOME_TOKEN: _first, ...second } = own;
    expect(await read({ ...second, SOME_TOKEN: '' })).toBe('second');
    expect(await read({ PATH: env.PATH })).toBe('printed');
  });

  it('can not be printed', async () => {
    const token = await readCloudToken(source({ command: 'echo printed' }), signal);
    expect(`${token} ${JSON.stringify({ token })}`).toBe('[redacted] {"token":"[redacted]"}');
  });

  it('says where to set and to make one', async () => {
    const error = await readCloudToken(source(), signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'auth', message: 'there is no token for somecloud' });
    expect(String((error as { hints: string[] }).hints)).toMatch(
      /SOME_TOKEN or OTHER_TOKEN.*SPUFF_API_TOKEN.*example/s,
    );
  });

  it('gives the command its own session and the name of the provider, and no other token of the cloud', async () => {
    const env = { PATH: process.env['PATH'], OP_SESSION_x: 'session', SOME_TOKEN: '' };
    const show = command('echo "$OP_SESSION_x-$SPUFF_PROVIDER-${SOME_TOKEN-none}"');
    expect((await readCloudToken(source({ env, command: show }), signal)).reveal()).toBe(
      'session-somecloud-none',
    );
  });

  it.each([
    [command('echo no such item >&2; exit 3'), 'token_command (sh) ended with 3: no such item'],
    [command('true'), 'the token of token_command printed nothing'],
    [command('echo two words'), 'is not one word'],
    ['no-such-program-at-all x', 'no-such-program-at-all is not installed'],
    ["echo 'x", "can't be split into words"],
  ])('fails clearly: %s', async (line, message) => {
    await expect(readCloudToken(source({ command: line }), signal)).rejects.toThrow(message);
  });

  it('never repeats what it read', async () => {
    const env = { SOME_TOKEN: 'canary canary' };
    const error = (await readCloudToken(source({ env }), signal).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toContain('SOME_TOKEN');
    expect(error.message).not.toContain('canary');
  });
});
