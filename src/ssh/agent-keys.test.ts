import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAgentKeys } from './agent-keys.ts';

const environment = { PATH: process.env['PATH'], SSH_AUTH_SOCK: process.env['SSH_AUTH_SOCK'] };
const agents: ChildProcess[] = [];
let folder = '';

/** An agent of the system's with one key, whose comment is the agent's name. */
async function startAgent(name: string): Promise<string> {
  const socket = join(folder, `${name}.sock`);
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  agents.push(agent);
  await once(agent.stdout, 'data');
  const key = join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', key]);
  execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  return socket;
}

/** ssh looks for the configuration in the home of the user's account, wherever HOME points: this one is told. */
function useConfig(text: string): void {
  writeFileSync(join(folder, 'config'), text);
  const real = execFileSync('which', ['ssh'], { encoding: 'utf8', env: { PATH: environment.PATH } }).trim();
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec ${real} -F ${join(folder, 'config')} "$@"\n`);
  chmodSync(join(bin, 'ssh'), 0o755);
  process.env['PATH'] = `${bin}${delimiter}${environment.PATH}`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-agent-'));
  process.env['SSH_AUTH_SOCK'] = await startAgent('usual');
});
afterAll(() => {
  for (const agent of agents) agent.kill();
  process.env['PATH'] = environment.PATH;
  if (environment.SSH_AUTH_SOCK === undefined) delete process.env['SSH_AUTH_SOCK'];
  else process.env['SSH_AUTH_SOCK'] = environment.SSH_AUTH_SOCK;
  rmSync(folder, { recursive: true });
});

const commentsOf = async () => (await listAgentKeys()).map(({ comment }) => comment);

describe('listAgentKeys', () => {
  it('asks the usual agent where the configuration names none', async () => {
    useConfig('Host elsewhere\n  IdentityAgent none\n');
    expect(await commentsOf()).toEqual(['usual']);
  });

  it('asks the agent that is named for the machines of spuff', async () => {
    const socket = await startAgent('own');
    useConfig(`Host spuff-*\n  IdentityAgent ${socket}\n`);
    expect(await commentsOf()).toEqual(['own']);
  });

  it('asks none where there is to be none', async () => {
    useConfig('Host spuff-*\n  IdentityAgent none\n');
    expect(await commentsOf()).toEqual([]);
  });
});
