/** A user of the test's own: a home directory with a login key in it, and perhaps a real ssh-agent. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class UserHome {
  readonly path = mkdtempSync(join(tmpdir(), 'spuff-user-'));
  /** The private half; the public one lies beside it. */
  readonly key = join(this.path, '.ssh', 'id_ed25519');
  /** For every program of this user: without it the one who runs the tests would be there too. */
  readonly env: Record<string, string> = { HOME: this.path, SSH_AUTH_SOCK: '' };
  #agentPid: number | null = null;

  constructor() {
    mkdirSync(join(this.path, '.ssh'), { mode: 0o700 });
    makeKeyPair(this.key);
  }

  /** Starts ssh-agent and loads the key into it. */
  startAgent(): void {
    const socket = join(this.path, 'agent');
    const said = execFileSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8' });
    this.#agentPid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]);
    this.env['SSH_AUTH_SOCK'] = socket;
    execFileSync('ssh-add', ['-q', this.key], { env: { ...process.env, ...this.env } });
  }

  remove(): void {
    // Not SIGTERM: on that it removes its socket, at the same time as the next line does, which then stops half-way.
    if (this.#agentPid !== null) process.kill(this.#agentPid, 'SIGKILL');
    rmSync(this.path, { recursive: true });
  }
}

/** A key of OpenSSH's own making. */
export function makeKeyPair(path: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'login', '-f', path]);
}
