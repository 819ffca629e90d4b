import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { allowedHosts, createTokenCheck } from '../../src/agent/check-request.ts';
import { createAgentServer, type Handlers } from '../../src/agent/server.ts';
import { Secret } from '../../src/domain/secret.ts';
import { hashAgentToken } from '../../src/lib/agent-token.ts';
import { requestSchemas } from '../../src/protocol/request-schemas.ts';
import { execFrame, logFrame, responseSchemas } from '../../src/protocol/response-schemas.ts';
import { type RouteName, routes } from '../../src/protocol/routes.ts';
import { mutateJson } from './mutate.ts';
import { fuzz, inputsWanted } from './run-fuzz.ts';

/** Of the requests in the corpus, which nobody else takes. */
const token = 'the-token-of-the-fuzzed-agent-0123456789abc';

/** What stands behind the schemas does nothing here: what is asked for is done on real machines elsewhere. */
const handlers = Object.fromEntries(
  Object.keys(routes).map((name) => [
    name,
    (input: unknown) => ({ kind: 'json' as const, body: { name, input } }),
  ]),
) as unknown as Handlers;

const uncounted = { take: () => 0 };

describe("the agent's HTTP API", () => {
  const folder = mkdtempSync(join(tmpdir(), 'spuff-fuzz-'));
  const path = join(folder, 'agent.sock');
  const faults: unknown[] = [];
  const server = createAgentServer({
    ...{ handlers, allowedHosts: allowedHosts.unix, strangers: uncounted, onCall: () => undefined },
    isTokenRight: createTokenCheck(hashAgentToken(new Secret(token))),
    limits: { calls: uncounted, strangers: { tcp: uncounted, unix: uncounted }, inProgress: 0 },
    onFailure: (error) => faults.push(error),
  });
  beforeAll(async () => {
    server.listen(path);
    await once(server, 'listening');
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** All that comes back until the end of what is said. */
  const say = async (line: Duplex, input: Buffer): Promise<string> => {
    let answer = '';
    line.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    line.on('error', () => undefined);
    line.write(input);
    // The server hangs up at once on whoever has hung up, as nothing takes time on the way.
    setImmediate(() => line.end());
    await once(line, 'close');
    return answer;
  };

  /** To the same server, with no socket between: that takes longer than all that is looked at here. */
  const connectInside = (): Duplex => {
    const [here, there] = duplexPair();
    // What was still on its way when the other side went would keep it open.
    here.once('end', () => here.destroy());
    server.emit('connection', Object.assign(there, { setTimeout: () => there }));
    return here;
  };

  it.for([
    ['in its own process', connectInside, inputsWanted],
    ['over its socket', () => connect(path), inputsWanted / 50],
  ] as const)(
    '%s it answers whatever bytes come, or hangs up, and goes on',
    async ([, open, count], { expect }) => {
      const parse = async (input: Buffer) => {
        const answer = await say(open(), input);
        const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
        if (faults.length > 0 || status === '500')
          throw new TypeError(`the agent failed: ${String(faults.pop())}`);
        if (answer !== '' && status === undefined)
          throw new TypeError(`no answer in HTTP: ${answer.slice(0, 60)}`);
        if (status !== '200') throw new Refused();
      };
      const isForeseen = (error: unknown) => error instanceof Refused;
      const { failures, taken } = await fuzz({ name: 'agent-http', parse, isForeseen }, count);
      expect(failures).toEqual([]);
      expect(taken).toBeGreaterThan(0);
      const healthy = Buffer.from('GET /health HTTP/1.1\r\nHost: spuff-agent\r\n\r\n');
      expect(await say(open(), healthy)).toContain(' 200 ');
    },
  );
});

/** It said no. */
class Refused extends Error {}

describe('what agent and CLI say to each other', () => {
  it.for([
    ['agent-requests', requestSchemas],
    ['agent-answers', { ...responseSchemas, execFrame, logFrame }],
  ] as const)(
    '%s are taken or refused by each schema, whatever they are',
    async ([name, schemas], { expect }) => {
      const all = Object.values(
        schemas as Record<RouteName, { safeParse(value: unknown): { success: boolean } }>,
      );
      const parse = (input: Buffer) => {
        let value: unknown;
        try {
          value = JSON.parse(input.toString('utf8'));
        } catch {
          throw new Refused();
        }
        if (!all.map((schema) => schema.safeParse(value).success).includes(true)) throw new Refused();
      };
      const isForeseen = (error: unknown) => error instanceof Refused;
      const { failures, taken } = await fuzz({ name, parse, mutate: mutateJson, isForeseen });
      expect(failures).toEqual([]);
      expect(taken).toBeGreaterThan(0);
    },
  );
});
