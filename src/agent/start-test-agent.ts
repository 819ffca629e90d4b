/** The agent in this process, for tests: real sockets, a real runner, and folders of its own in place of the machine's. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentHostName, tokenHeader } from '../protocol/routes.ts';
import { type MachinePaths, machinePaths } from './machine-paths.ts';
import { serveOneCommand } from './run-command.ts';
import { type Agent, createAgent } from './serve.ts';
import type { SharedLimits } from './server.ts';

export interface TestAgent {
  agent: Agent;
  token: string;
  folder: string;
  paths: MachinePaths;
  socketPath: string;
  port: number;
  powerRequestPath: string;
  execLogPath: string;
  configPath: string;
  /** What the agent said to its journal. */
  journal: string[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  stop(): Promise<void>;
}

export interface TestAgentOptions {
  paths?: Partial<MachinePaths>;
  limits?: SharedLimits;
}

export interface CallOptions {
  headers?: Record<string, string | string[]>;
  /** An object is sent as JSON. */
  body?: unknown;
  overTcp?: boolean;
  /** Without it, the right one is sent. */
  token?: string | null;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Calls are counted in the limits' own tests only: elsewhere they would decide how many a test may make. */
const uncounted = { take: () => 0 };

export async function startTestAgent(options: TestAgentOptions = {}): Promise<TestAgent> {
  const folder = mkdtempSync(join(tmpdir(), 'spuff-agent-'));
  const place = (name: string) => join(folder, name);
  const paths: MachinePaths = {
    ...machinePaths,
    ...{ logRoot: place('log'), cloudInitRun: place('ci') },
    ...{ setupState: place('setup'), setupRunning: place('setup-running') },
    ...options.paths,
  };
  for (const path of [paths.logRoot, paths.cloudInitRun]) mkdirSync(path, { recursive: true });
  const token = 'the-token-of-this-test-machine-0123456789ab';
  const journal: string[] = [];
  writeFileSync(
    place('agent.json'),
    JSON.stringify({ user: 'dev', deadline: null, idleTimeoutSeconds: null }),
  );
  const runner = createServer((socket) => void serveOneCommand(socket)).listen(place('runner.sock'));
  const agent = createAgent({
    paths,
    tokenSha256: createHash('sha256').update(token).digest('hex'),
    runnerSocket: place('runner.sock'),
    execLogPath: place('exec.log'),
    powerRequestPath: place('power-off'),
    powerPlanPath: place('shutdown.json'),
    configPath: place('agent.json'),
    boundToPath: place('instance-id'),
    leaseCopyPath: place('lease'),
    seenPath: place('seen.json'),
    historyPath: place('history'),
    noticeCommand: ['true'],
    setupTriggerPath: place('setup-trigger'),
    limits: options.limits ?? {
      calls: uncounted,
      strangers: { tcp: uncounted, unix: uncounted },
      inProgress: 0,
    },
    problems: [],
    log: (line) => journal.push(line),
  });
  agent.unix.listen(place('agent.sock'));
  agent.tcp.listen(0, '127.0.0.1');
  await Promise.all([once(agent.unix, 'listening'), once(agent.tcp, 'listening'), once(runner, 'listening')]);
  const { port } = agent.tcp.address() as AddressInfo;
  const test: TestAgent = {
    agent,
    token,
    folder,
    paths,
    socketPath: place('agent.sock'),
    port,
    powerRequestPath: place('power-off'),
    execLogPath: place('exec.log'),
    configPath: place('agent.json'),
    journal,
    call: (method, path, options = {}) => call(test, method, path, options),
    async stop() {
      for (const server of [agent.unix, agent.tcp]) {
        server.closeAllConnections();
        server.close();
      }
      runner.close();
      await Promise.all([once(agent.unix, 'close'), once(agent.tcp, 'close')]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return test;
}

function call(test: TestAgent, method: string, path: string, options: CallOptions): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const body = options.body === undefined ? undefined : toBytes(options.body);
  const token = options.token === undefined ? test.token : options.token;
  const headers = {
    host: options.overTcp ? '127.0.0.1:7575' : agentHostName,
    ...(token !== null && { [tokenHeader]: token }),
    ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
    ...options.headers,
  };
  const where = options.overTcp ? { host: '127.0.0.1', port: test.port } : { socketPath: test.socketPath };
  const sent = request({ ...where, method, path, headers, agent: false }, async (response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(chunks).toString('utf8'),
      });
    } catch (error) {
      reject(error);
    }
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

function toBytes(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/** Writes bytes as they are and gives everything that comes back until the agent closes, or `enough` is seen. */
export async function sendRaw(
  test: TestAgent,
  text: string,
  enough?: (answer: string) => boolean,
  options: { overTcp?: boolean } = {},
): Promise<string> {
  const socket = options.overTcp ? connect(test.port, '127.0.0.1') : connect(test.socketPath);
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
    if (enough?.(answer)) socket.destroy();
  });
  socket.on('close', () => resolve(answer));
  socket.on('error', () => undefined);
  socket.write(text);
  return await promise;
}
