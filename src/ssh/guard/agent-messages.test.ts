import { describe, expect, it } from 'vitest';
import { type BindFields, encodeBind, encodeSignRequest } from '../../../test/fakes/agent-client.ts';
import { encodeStrings } from '../../../test/fakes/ssh-hosts.ts';
import { encodeUint32 } from '../../lib/ssh-wire.ts';
import {
  encodeIdentitiesAnswer,
  encodeQueryAnswer,
  parseExtension,
  parseIdentitiesAnswer,
  parseSignRequest,
} from './agent-messages.ts';

const byte = (value: number) => Buffer.from([value]);

/** Every way to cut a message short, and the whole with a byte more. */
function damage(body: Buffer): Buffer[] {
  const cuts = Array.from({ length: body.length }, (_, length) => body.subarray(0, length));
  return [...cuts, Buffer.concat([body, byte(0)])];
}

describe('identities', () => {
  const answer = (count: number, ...strings: string[]) =>
    Buffer.concat([byte(12), encodeUint32(count), encodeStrings(...strings)]);

  it('reads keys with their comments', () => {
    expect(parseIdentitiesAnswer(answer(2, 'key 1', 'work', 'key 2', ''))).toEqual([
      { keyBlob: Buffer.from('key 1'), comment: 'work' },
      { keyBlob: Buffer.from('key 2'), comment: '' },
    ]);
    expect(parseIdentitiesAnswer(answer(0))).toEqual([]);
  });

  it('reads keys whose comment is in another encoding', () => {
    const body = Buffer.concat([byte(12), encodeUint32(1), encodeStrings('key', Buffer.from([0xe4]))]);
    expect(parseIdentitiesAnswer(body)).toEqual([{ keyBlob: Buffer.from('key'), comment: '\ufffd' }]);
  });

  it('gives null for a count that is not that of the keys', () => {
    for (const count of [0, 2, 0xffffffff])
      expect(parseIdentitiesAnswer(answer(count, 'key', 'work'))).toBeNull();
  });

  it('gives null for half a key, a byte too many and another message', () => {
    const body = answer(2, 'key 1', 'work', 'key 2', 'home');
    for (const damaged of damage(body)) expect(parseIdentitiesAnswer(damaged)).toBeNull();
    body[0] = 5;
    expect(parseIdentitiesAnswer(body)).toBeNull();
  });

  it('shows keys without what the user calls them', () => {
    const keys = [
      { blob: Buffer.from('key 1'), comment: 'someone@somewhere' },
      { blob: Buffer.from('key 2'), comment: 'another' },
    ];
    expect(encodeIdentitiesAnswer(keys)).toEqual(answer(2, 'key 1', 'spuff', 'key 2', 'spuff'));
    expect(encodeIdentitiesAnswer([])).toEqual(Buffer.from([12, 0, 0, 0, 0]));
  });
});

describe('sign requests', () => {
  const body = encodeSignRequest(Buffer.from('key'), Buffer.from('data'), 4);

  it('reads key, data and flags', () => {
    expect(parseSignRequest(body)).toEqual({
      keyBlob: Buffer.from('key'),
      data: Buffer.from('data'),
      flags: 4,
    });
  });

  it('gives null for one that is cut anywhere, a byte too many and another message', () => {
    for (const damaged of damage(body)) expect(parseSignRequest(damaged)).toBeNull();
    expect(parseSignRequest(Buffer.concat([byte(12), body.subarray(1)]))).toBeNull();
  });
});

describe('extensions', () => {
  const fields: BindFields = {
    hostKey: Buffer.from('host key'),
    sessionId: Buffer.alloc(32, 1),
    signature: Buffer.from('signature'),
    forwarding: 1,
  };
  const nameLength = 1 + 4 + 'session-bind@openssh.com'.length;

  it('reads a bind', () => {
    const { hostKey, sessionId, signature } = fields;
    const bind = { hostKey, sessionId, signature };
    expect(parseExtension(encodeBind(fields))).toEqual({
      kind: 'session-bind',
      bind: { ...bind, forwarding: true },
    });
    expect(parseExtension(encodeBind({ ...fields, forwarding: 0 }))).toEqual({
      kind: 'session-bind',
      bind: { ...bind, forwarding: false },
    });
  });

  it('knows a bind by its name even when the rest is cut anywhere, or a byte too long', () => {
    for (const damaged of damage(encodeBind(fields)))
      expect(parseExtension(damaged)).toEqual(
        damaged.length < nameLength ? null : { kind: 'session-bind', bind: null },
      );
  });

  it('takes no forwarding but 0 and 1', () => {
    for (const forwarding of [2, 255])
      expect(parseExtension(encodeBind({ ...fields, forwarding }))).toMatchObject({ bind: null });
  });

  it('takes session ids of 20 to 64 bytes', () => {
    const takes = (length: number) =>
      parseExtension(encodeBind({ ...fields, sessionId: Buffer.alloc(length) }));
    for (const length of [20, 32, 64]) expect(takes(length)).not.toMatchObject({ bind: null });
    for (const length of [0, 19, 65]) expect(takes(length)).toMatchObject({ bind: null });
  });

  it('knows a query, and tells others by their name', () => {
    const extension = (...strings: string[]) => Buffer.concat([byte(27), encodeStrings(...strings)]);
    expect(parseExtension(extension('query'))).toEqual({ kind: 'query' });
    expect(parseExtension(extension('query', ''))).toEqual({ kind: 'other' });
    expect(parseExtension(extension('Query'))).toEqual({ kind: 'other' });
    expect(parseExtension(extension('x'.repeat(255), 'anything'))).toEqual({ kind: 'other' });
    expect(parseExtension(extension('x'.repeat(256)))).toBeNull();
    expect(parseExtension(Buffer.concat([byte(13), encodeStrings('query')]))).toBeNull();
  });

  it('answers a query with the one that does something', () => {
    expect(encodeQueryAnswer()).toEqual(
      Buffer.concat([byte(29), encodeStrings('query', 'session-bind@openssh.com')]),
    );
  });
});
