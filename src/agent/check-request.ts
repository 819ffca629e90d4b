import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { agentHostName, agentPort, tokenHeader } from '../protocol/routes.ts';
import { AgentError } from './agent-error.ts';

/** A hash that no token has: an agent without a configured one lets nobody in. */
const sha256Pattern = /^[0-9a-f]{64}$/;

export type TokenCheck = (request: IncomingMessage) => boolean;

/**
 * Compares hashes, so that neither the length of the header nor where it first differs shows in the time it takes.
 * @param wantedSha256 hex; anything else refuses every request
 */
export function createTokenCheck(wantedSha256: string | undefined): TokenCheck {
  const wanted = sha256Pattern.test(wantedSha256 ?? '') ? Buffer.from(wantedSha256 ?? '', 'hex') : null;
  return (request) => {
    const header = request.headers[tokenHeader];
    // Node joins a header that is given twice: that is no token either.
    const given = createHash('sha256')
      .update(typeof header === 'string' ? header : '')
      .digest();
    return timingSafeEqual(given, wanted ?? Buffer.alloc(given.length)) && wanted !== null;
  };
}

/** The names that a client may call the agent by. Anything else is a browser that was lured here by DNS. */
export const allowedHosts = {
  tcp: new Set([`127.0.0.1:${agentPort}`, `localhost:${agentPort}`, `[::1]:${agentPort}`]),
  unix: new Set([agentHostName, 'localhost']),
} as const;

export function isHostRight(request: IncomingMessage, allowed: ReadonlySet<string>): boolean {
  const given = request.rawHeaders.filter(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'host',
  ).length;
  return given === 1 && allowed.has((request.headers.host ?? '').toLowerCase());
}

export function wrongHost(): AgentError {
  return new AgentError('wrong-host', 'this is not a name of the agent', {
    hint: `over TCP say 127.0.0.1:${agentPort}, over the socket ${agentHostName}`,
  });
}

export function unauthorized(): AgentError {
  return new AgentError('unauthorized', `${tokenHeader} is missing or wrong`, {
    hint: 'the token was made by "spuff up" for this machine alone',
  });
}
