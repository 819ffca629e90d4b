/**
 * The messages between ssh and an ssh-agent that the guard knows, as bodies: the type byte first, no length before it. A
 * parser gives null for everything that is not exactly the message, a missing or left-over byte included.
 * @see RFC 9987 (SSH agent protocol); OpenSSH's PROTOCOL.agent for `session-bind@openssh.com`
 */
import { encodeString, encodeUint32, readWhole } from '../../lib/ssh-wire.ts';

export const messages = {
  failure: 5,
  success: 6,
  requestIdentities: 11,
  identitiesAnswer: 12,
  signRequest: 13,
  signResponse: 14,
  extension: 27,
  extensionFailure: 28,
  extensionResponse: 29,
} as const;

export const sessionBindName = 'session-bind@openssh.com';

const shownComment = 'spuff';
const maxNameBytes = 255;
/** Session ids are hashes of the key exchange, from SHA-1 to SHA-512. */
const sessionIdBytes = { least: 20, most: 64 };

/** A key as the agent names it. */
export interface Identity {
  /** RFC 4253, section 6.6. */
  keyBlob: Buffer;
  comment: string;
}

/** What a client says of the session that an agent connection belongs to; nothing of it has been verified. */
export interface ParsedBind {
  hostKey: Buffer;
  /** What `signature` is made over. */
  sessionId: Buffer;
  signature: Buffer;
  /** Whether the connection goes on to another host, rather than being used to log in. */
  forwarding: boolean;
}

export type ParsedExtension =
  | { kind: 'query' }
  /** `bind` null: it has that name, and is malformed. */
  | { kind: 'session-bind'; bind: ParsedBind | null }
  | { kind: 'other' };

export interface SignRequest {
  keyBlob: Buffer;
  /** What the signature is to be made over. */
  data: Buffer;
  flags: number;
}

/** The user's agent is the source: a comment may be in any encoding. */
export function parseIdentitiesAnswer(body: Uint8Array): Identity[] | null {
  return readWhole(body, (reader) => {
    if (reader.byte() !== messages.identitiesAnswer) return null;
    const count = reader.uint32();
    const identities: Identity[] = [];
    // Not by the count: it may promise four billion.
    while (!reader.isAtEnd())
      identities.push({ keyBlob: reader.string(), comment: reader.string().toString('utf8') });
    return identities.length === count ? identities : null;
  });
}

/** The user's comments often name people and machines: they stay here, and every key is called the same. */
export function encodeIdentitiesAnswer(keys: readonly { blob: Uint8Array }[]): Buffer {
  return Buffer.concat([
    Buffer.from([messages.identitiesAnswer]),
    encodeUint32(keys.length),
    ...keys.flatMap(({ blob }) => [encodeString(blob), encodeString(shownComment)]),
  ]);
}

/** @returns null when it is no extension request, or its name can't be read */
export function parseExtension(body: Uint8Array): ParsedExtension | null {
  return readWhole(body, (reader): ParsedExtension | null => {
    if (reader.byte() !== messages.extension) return null;
    const name = reader.text(maxNameBytes);
    const content = reader.rest();
    if (name === sessionBindName) return { kind: 'session-bind', bind: parseBind(content) };
    return { kind: name === 'query' && content.length === 0 ? 'query' : 'other' };
  });
}

function parseBind(content: Uint8Array): ParsedBind | null {
  return readWhole(content, (reader) => {
    const bind = {
      hostKey: reader.string(),
      sessionId: reader.string(),
      signature: reader.string(),
      forwarding: reader.boolean(),
    };
    const { length } = bind.sessionId;
    return length >= sessionIdBytes.least && length <= sessionIdBytes.most ? bind : null;
  });
}

/** The answer to `query`: the one extension that does something here (RFC 9987, section on extensions). */
export function encodeQueryAnswer(): Buffer {
  return Buffer.concat([
    Buffer.from([messages.extensionResponse]),
    encodeString('query'),
    encodeString(sessionBindName),
  ]);
}

export function parseSignRequest(body: Uint8Array): SignRequest | null {
  return readWhole(body, (reader) =>
    reader.byte() === messages.signRequest
      ? { keyBlob: reader.string(), data: reader.string(), flags: reader.uint32() }
      : null,
  );
}
