import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAgentToken } from '../../src/lib/agent-token.ts';
import { errorResponse } from '../../src/protocol/response-schemas.ts';
import { type Route, type RouteName, routes, tokenHeader } from '../../src/protocol/routes.ts';
import { AgentMachine } from '../e2e/agent-machine.ts';
import { BootScene } from '../e2e/boot-machine.ts';

const table = Object.entries(routes) as [RouteName, Route][];
const scene = new BootScene();
let agent: AgentMachine;
let neighbour: AgentMachine;

beforeAll(async () => {
  const login = await scene.makeLoginKey('login');
  agent = await AgentMachine.start(scene, login);
  neighbour = await AgentMachine.start(scene, login);
});
afterAll(async () => {
  agent?.closeTunnel();
  neighbour?.closeTunnel();
  await scene.remove();
});

/** Below what the agent lets strangers ask in a second, so that each answer is about the token. */
const pauseMs = 60;

async function refusals(headers: Record<string, string | string[]>): Promise<string[]> {
  const answers: string[] = [];
  for (const overTcp of [false, true]) {
    for (const [name, { method, path, authenticated }] of table) {
      if (!authenticated) continue;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const { status, text } = await agent.call({ method, path, headers, token: null, overTcp });
      answers.push(`${name} ${overTcp} ${status} ${errorResponse.parse(JSON.parse(text)).error.code}`);
    }
  }
  return answers;
}

const everyRefusal = [false, true].flatMap((overTcp) =>
  table.filter(([, route]) => route.authenticated).map(([name]) => `${name} ${overTcp} 401 unauthorized`),
);

describe('V4: the token of the agent on a real machine', () => {
  it('opens every route that is no command and no end', async () => {
    for (const overTcp of [false, true]) {
      for (const [, { method, path }] of table) {
        if (method === 'POST' || path === '/logs/stream') continue;
        expect((await agent.call({ path, overTcp })).status, path).toBe(200);
      }
    }
  });

  const attacks: Record<string, () => Record<string, string | string[]>> = {
    'without a token': () => ({}),
    'with an empty one': () => ({ [tokenHeader]: '' }),
    'with a wrong one': () => ({ [tokenHeader]: makeAgentToken().reveal() }),
    'with that of another machine': () => ({ [tokenHeader]: neighbour.token }),
    'with a cut one': () => ({ [tokenHeader]: agent.token.slice(0, -1) }),
    'with more behind it': () => ({ [tokenHeader]: `${agent.token}A` }),
    // All that is on the machine: knowing it must open nothing.
    'with its hash': () => ({ [tokenHeader]: createHash('sha256').update(agent.token).digest('hex') }),
    'with an oversized one': () => ({ [tokenHeader]: agent.token.repeat(150) }),
    'with it twice': () => ({ [tokenHeader]: [agent.token, agent.token] }),
    'with it in another header': () => ({
      authorization: `Bearer ${agent.token}`,
      cookie: `${tokenHeader}=${agent.token}`,
    }),
  };
  it.each(Object.keys(attacks))('is asked for on every route: %s', async (attack) => {
    expect(await refusals(attacks[attack]?.() ?? {})).toEqual(everyRefusal);
  });

  it('is not on the machine: only its hash is, and only for root', async () => {
    const env = await agent.machine.ok(['cat', '/etc/spuff/agent.env']);
    expect(env).not.toContain(agent.token);
    expect(await agent.machine.ok(['stat', '-c', '%a %U', '/etc/spuff/agent.env'])).toBe('600 root\n');
    const asUser = await agent.machine.run(['cat', '/etc/spuff/agent.env'], { user: 'dev' });
    expect(asUser.exitCode).not.toBe(0);
  });

  it('gives a lured browser nothing: other names of the host are refused, and no CORS header is sent', async () => {
    for (const overTcp of [false, true]) {
      for (const host of ['evil.example', 'evil.example:7575', '0.0.0.0:7575', 'localhost:80']) {
        const { status } = await agent.call({ path: '/health', headers: { host }, overTcp });
        expect(status, host).toBe(403);
      }
      const origin = 'http://evil.example';
      const preflight = {
        'access-control-request-method': 'POST',
        'access-control-request-headers': tokenHeader,
      };
      const asked = await agent.call({
        method: 'OPTIONS',
        path: '/exec',
        headers: { origin, ...preflight },
        token: null,
        overTcp,
      });
      const plain = await agent.call({ path: '/status', headers: { origin }, overTcp });
      expect(asked.status).toBe(401);
      for (const { headers } of [asked, plain]) {
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
    }
  });

  it('is asked for before a body is taken: a stranger can not even upload one', async () => {
    for (const overTcp of [false, true]) {
      const host = overTcp ? '127.0.0.1:7575' : 'spuff-agent';
      const head = `POST /exec HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n`;
      expect(await agent.raw(head, { overTcp })).toMatch(/^HTTP\/1\.1 401 /);
    }
  });

  it('does not run what a stranger asks for', async () => {
    const body = { argv: ['touch', '/tmp/by-a-stranger'] };
    await agent.call({ method: 'POST', path: '/exec', body, token: neighbour.token });
    await agent.call({ method: 'POST', path: '/shutdown', body: { reason: 'x' }, token: neighbour.token });
    await agent.post('/exec', { argv: ['touch', '/tmp/by-the-owner'] });
    expect((await agent.machine.run(['test', '-e', '/tmp/by-the-owner'])).exitCode).toBe(0);
    expect((await agent.machine.run(['test', '-e', '/tmp/by-a-stranger'])).exitCode).not.toBe(0);
    expect(await agent.get('/status')).toMatchObject({ shutdown: null });
  });

  it('holds back a stranger who asks without end, and not the owner meanwhile', async () => {
    const statuses = new Set<number>();
    const ask = async () => {
      for (let turn = 0; turn < 50 && !statuses.has(429); turn++) {
        statuses.add((await agent.call({ path: '/status', token: null, overTcp: true })).status);
      }
    };
    await Promise.all(Array.from({ length: 10 }, ask));
    expect((await agent.call({ path: '/status', overTcp: true })).status).toBe(200);
    expect(statuses).toContain(429);
    // The CLI begins with /health: over the socket, which strangers can't reach, it never meets their limit.
    for (const token of [undefined, null]) {
      expect((await agent.call({ path: '/health', ...(token === null && { token }) })).status).toBe(200);
    }
    expect((await agent.call({ path: '/health', overTcp: true })).status).toBe(200);
    expect(statuses).not.toContain(200);
  });

  it('is no use to other users of the machine: the Unix socket is for the login user and root', async () => {
    expect(
      await agent.machine.ok(['stat', '-c', '%a %U %G', '/run/spuff/agent.sock', '/run/spuff/runner.sock']),
    ).toBe('660 root dev\n600 spuff-agent root\n');
    const asked = [
      'curl',
      '-sS',
      '--unix-socket',
      '/run/spuff/agent.sock',
      '-H',
      'Host: spuff-agent',
      'http://x/health',
    ];
    expect((await agent.machine.run(asked, { user: 'dev' })).exitCode).toBe(0);
    expect((await agent.machine.run(asked, { user: 'nobody' })).exitCode).not.toBe(0);
  });
});
