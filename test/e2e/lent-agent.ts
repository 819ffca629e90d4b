/** Throwaway agents, and sessions that lend them to a machine as `ssh -A` does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from '../../src/lib/process.ts';
import type { BootMachine, BootScene, KeyPair } from './boot-machine.ts';

export interface LentAgent {
  socketPath: string;
  /** As `ssh-add -l` shows it on the machine. */
  comment: string;
}

export interface Lending {
  readonly client: ChildProcess;
  /** The connection breaks off as when its program ends by itself. */
  end(): Promise<void>;
}

export class AgentLender {
  readonly #scene: BootScene;
  readonly #login: KeyPair;
  readonly #started: ChildProcess[] = [];

  constructor(scene: BootScene, login: KeyPair) {
    this.#scene = scene;
    this.#login = login;
  }

  /** An ssh-agent with one key in it. */
  async startAgent(name: string): Promise<LentAgent> {
    const key = await this.#scene.makeLoginKey(`lent-${name}`);
    const socketPath = join(this.#scene.folder, `${name}.sock`);
    this.#started.push(spawn('ssh-agent', ['-D', '-a', socketPath], { stdio: 'ignore' }));
    while (!existsSync(socketPath)) await new Promise((resolve) => setTimeout(resolve, 20));
    await runProcess(['ssh-add', '-q', key.path], { env: { SSH_AUTH_SOCK: socketPath } });
    return { socketPath, comment: `lent-${name}` };
  }

  /**
   * Opens a connection that lends the agent. Its command has started when this returns, and lasts until it is ended. An
   * sshd that reloads refuses for a moment, so it is tried again.
   */
  async lend(machine: BootMachine, agent: LentAgent, command = ''): Promise<Lending> {
    const argv = [...this.options(agent), `dev@${machine.address}`, `${command} echo on; cat`];
    for (let attempt = 1; ; attempt++) {
      const client = spawn('ssh', argv, {
        stdio: ['pipe', 'pipe', 'inherit'],
        // Without an agent of its own, ssh lends none, whatever ForwardAgent names.
        env: { ...process.env, SSH_AUTH_SOCK: agent.socketPath },
      });
      this.#started.push(client);
      const closed = once(client, 'close');
      const started = await Promise.race([
        once(client.stdout, 'data').then(() => true),
        closed.then(() => false),
      ]);
      if (!started) {
        if (attempt === 20) throw new Error(`no connection to ${machine.address}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      return {
        client,
        end: async () => {
          client.stdin.end();
          await closed;
        },
      };
    }
  }

  /** Of ssh, scp and sftp alike. */
  options(agent: LentAgent | null): string[] {
    return [
      ...['-F', 'none', '-i', this.#login.path, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=QUIET'],
      ...['-o', `ForwardAgent=${agent?.socketPath ?? 'no'}`],
    ];
  }

  remove(): void {
    for (const child of this.#started) child.kill('SIGKILL');
  }
}
