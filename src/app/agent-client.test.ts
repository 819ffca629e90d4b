import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { silentProgress } from '../domain/progress.ts';
import type { Ssh } from '../domain/ssh.ts';
import { tokenHeader } from '../protocol/routes.ts';
import { protocolVersion, spuffVersion } from '../protocol/version.ts';
import { connectAgent } from './agent-client.ts';
import type { AppContext } from './context.ts';

const instance = sampleInstance();

let folder: string;
let server: Server;
let warnings: { text: string; hints: readonly string[] }[];
let asked: IncomingMessage[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-client-'));
  warnings = [];
  asked = [];
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** Connects to an agent that answers everything with `body`. */
async function connectTo(body: object, status = 200): Promise<Awaited<ReturnType<typeof connectAgent>>> {
  const socketPath = join(folder, 'agent.sock');
  server = createServer((request, response) => {
    asked.push(request);
    response.writeHead(status).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const ssh: Pick<Ssh, 'openChannel'> = { openChannel: async () => socketPath };
  const context: Pick<AppContext, 'ssh' | 'signal' | 'progress'> = {
    ssh: async () => ssh as Ssh,
    signal: new AbortController().signal,
    progress: { ...silentProgress, warn: (text, hints = []) => void warnings.push({ text, hints }) },
  };
  return await connectAgent(context as AppContext, instance);
}

const health = (change: object) => ({
  version: spuffVersion,
  protocol: protocolVersion,
  uptimeSeconds: 1,
  ...change,
});
const upgrade = `bring it to ${spuffVersion}: spuff agent upgrade ${instance.name}`;

describe('connecting to an agent', () => {
  it('says nothing to one of its own version', async () => {
    await connectTo(health({}));
    expect(warnings).toEqual([]);
  });

  it('shows the token from the first call on, so that it is never counted as a stranger', async () => {
    await connectTo(health({}));
    expect(asked.map(({ url, headers }) => [url, headers[tokenHeader]])).toEqual([
      ['/health', instance.agentToken.reveal()],
    ]);
  });

  it('warns of another version, names the remedy, and goes on', async () => {
    const client = await connectTo(health({ version: '99.1.0' }));
    expect(warnings).toEqual([
      { text: `the agent on ${instance.name} is 99.1.0, this spuff is ${spuffVersion}`, hints: [upgrade] },
    ]);
    expect(await client.ask('health')).toMatchObject({ version: '99.1.0' });
  });

  it('refuses another protocol, and names the remedy', async () => {
    for (const protocol of [protocolVersion + 1, protocolVersion - 1]) {
      await expect(connectTo(health({ version: '99.1.0', protocol }))).rejects.toMatchObject({
        code: 'agent',
        message: `the agent on ${instance.name} (99.1.0) speaks another protocol than this spuff`,
        hints: [upgrade],
      });
      await new Promise((resolve) => server.close(resolve));
    }
    expect(warnings).toEqual([]);
  });

  it('shows no control character of a version', async () => {
    await connectTo(health({ version: '9\u001b]0;x\u0007\u202e' }));
    expect(warnings[0]?.text).toContain('9\\x1b]0;x\\x07\\u202e');
  });

  it('names the remedy for an answer that it does not understand', async () => {
    await expect(connectTo({ version: 1 })).rejects.toMatchObject({ code: 'agent', hints: [upgrade] });
  });

  it('tells whose agent refused, and why', async () => {
    const error = { code: 'rate-limited', message: 'too many\u001b calls', hint: 'wait' };
    await expect(connectTo({ error }, 429)).rejects.toMatchObject({
      code: 'agent',
      message: `${instance.name}: too many\\x1b calls`,
      hints: ['wait'],
    });
  });
});
