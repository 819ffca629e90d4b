/** A real machine with the agent that `npm run build` made, and both its listeners reached as the CLI does: over SSH. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type AgentInstallation, type AgentLease, installAgent } from '../../src/bootstrap/agent-install.ts';
import { findRuntime, pinnedRuntimes } from '../../src/bootstrap/agent-runtime.ts';
import { forgeHostKeys } from '../../src/domain/forge-keys.ts';
import { hashAgentToken, makeAgentToken } from '../../src/lib/agent-token.ts';
import { runProcess } from '../../src/lib/process.ts';
import { agentHostName, agentPort, agentSocketPath, tokenHeader } from '../../src/protocol/routes.ts';
import { spuffVersion } from '../../src/protocol/version.ts';
import type { BootMachine, BootScene, KeyPair } from './boot-machine.ts';

const project = join(import.meta.dirname, '..', '..');
const bundlePath = join(project, 'dist', 'agent.cjs');

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface AgentCall {
  method?: string;
  path: string;
  headers?: Record<string, string | string[]>;
  body?: unknown;
  /** The loopback port instead of the Unix socket. */
  overTcp?: boolean;
  /** Without it, the right one; null: none. */
  token?: string | null;
}

export class AgentMachine {
  readonly machine: BootMachine;
  readonly token: string;
  /** Ends of the forwarded connections, on this machine. */
  readonly unixSocket: string;
  readonly tcpSocket: string;
  readonly #installation: AgentInstallation;
  readonly #login: KeyPair;
  #tunnel: ChildProcess | null = null;

  static async start(scene: BootScene, login: KeyPair, lease?: AgentLease): Promise<AgentMachine> {
    const secret = makeAgentToken();
    const machine = await scene.boot(login, { agentTokenSha256: hashAgentToken(secret) });
    const agent = new AgentMachine(machine, login, secret.reveal(), scene.folder, lease);
    await agent.install();
    await agent.openTunnel();
    return agent;
  }

  private constructor(
    machine: BootMachine,
    login: KeyPair,
    token: string,
    folder: string,
    lease?: AgentLease,
  ) {
    this.machine = machine;
    this.token = token;
    this.#login = login;
    this.unixSocket = join(folder, `${machine.key}.unix`);
    this.tcpSocket = join(folder, `${machine.key}.tcp`);
    const arch = process.arch === 'arm64' ? 'arm64' : 'x86_64';
    this.#installation = {
      version: spuffVersion,
      bundlePath,
      bundleSha256: createHash('sha256').update(readFileSync(bundlePath)).digest('hex'),
      runtimeSha256: pinnedRuntimes[arch].sha256,
      runtimePath: async () => (await findRuntime(arch, runtimeSources)).path,
      user: 'dev',
      tokenSha256: createHash('sha256').update(token).digest('hex'),
      lease: lease ?? { deadline: null, idleTimeoutMs: null },
      knownHosts: forgeHostKeys(),
    };
  }

  /** @returns the exit status of each round trip */
  async install(change: Partial<AgentInstallation> = {}): Promise<number[]> {
    const rounds: number[] = [];
    await installAgent(
      async (argv, options) => {
        const result = await this.machine.run(argv, { ...options, user: 'dev' });
        rounds.push(result.exitCode);
        return result;
      },
      { ...this.#installation, ...change },
    );
    return rounds;
  }

  async openTunnel(): Promise<void> {
    this.closeTunnel();
    const { address } = this.machine;
    this.#tunnel = spawn(
      'ssh',
      [
        ...['-F', 'none', '-N', '-i', this.#login.path, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
        ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
        ...['-L', `${this.unixSocket}:${agentSocketPath}`, '-L', `${this.tcpSocket}:127.0.0.1:${agentPort}`],
        `dev@${address}`,
      ],
      { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, SSH_AUTH_SOCK: '' } },
    );
    while (!existsSync(this.unixSocket) || !existsSync(this.tcpSocket)) {
      if (this.#tunnel.exitCode !== null) throw new Error('ssh could not forward the agent');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  closeTunnel(): void {
    this.#tunnel?.kill();
    this.#tunnel = null;
    for (const path of [this.unixSocket, this.tcpSocket]) rmSync(path, { force: true });
  }

  call(call: AgentCall): Promise<Answer> {
    const token = call.token === undefined ? this.token : call.token;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = {
      host: call.overTcp ? `127.0.0.1:${agentPort}` : agentHostName,
      ...(token !== null && { [tokenHeader]: token }),
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      }),
      ...call.headers,
    };
    const socketPath = call.overTcp ? this.tcpSocket : this.unixSocket;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const sent = request({
      socketPath,
      method: call.method ?? 'GET',
      path: call.path,
      headers,
      agent: false,
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.end(body);
    return promise;
  }

  /** The JSON of a call that must succeed. */
  async get(path: string): Promise<unknown> {
    return await this.#expect({ path });
  }

  async post(path: string, body: object): Promise<unknown> {
    return await this.#expect({ method: 'POST', path, body });
  }

  /** Sends bytes as they are; gives what comes back until the agent hangs up. */
  async raw(text: string, options: { overTcp: boolean }): Promise<string> {
    const socket = connect(options.overTcp ? this.tcpSocket : this.unixSocket);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.write(text);
    await once(socket, 'close');
    return answer;
  }

  async #expect(call: AgentCall): Promise<unknown> {
    const { status, text } = await this.call(call);
    if (status === 200) return JSON.parse(text);
    throw new Error(`${call.method ?? 'GET'} ${call.path}: ${status} ${text}`);
  }
}

const runtimeSources = {
  packageFolders: [join(project, 'node_modules')],
  cacheFolder: join(project, 'node_modules', '.cache', 'spuff-test', 'cache', 'runtime'),
  runProgram: (argv: readonly string[], options: { cwd: string; timeoutMs: number }) =>
    runProcess(argv, options),
};

/** Waits for what must come; the test's own time-out says when it did not. */
export async function until(happened: () => Promise<boolean>): Promise<void> {
  while (!(await happened())) await new Promise((resolve) => setTimeout(resolve, 100));
}
