/** What a real ssh says to an agent when it logs in at a real sshd, with each kind of host key that the guard takes. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messages, parseExtension, parseSignRequest } from '../../src/ssh/guard/agent-messages.ts';
import { decideBind, newConnection } from '../../src/ssh/guard/decide.ts';
import { parseSignedData } from '../../src/ssh/guard/signed-data.ts';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import { type RecordingAgent, startRecordingAgent } from '../fakes/recording-agent.ts';
import { type LoopbackMachine, startLoopbackMachine } from '../loopback/machine.ts';

const run = promisify(execFile);
const algorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-256',
  'rsa-sha2-512',
] as const;
const hostKeys = [
  ['ed25519', '256'],
  ['ecdsa', '256'],
  ['ecdsa', '384'],
  ['ecdsa', '521'],
  ['rsa', '3072'],
] as const;

let folder = '';
let agent: ChildProcess;
let recorder: RecordingAgent;
let machine: LoopbackMachine;
const pathOf = (name: string) => join(folder, name);
const makeKey = (name: string, type: string, bits: string) =>
  execFileSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-C', name, '-f', pathOf(name)]);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-hosts-'));
  for (const [type, bits] of hostKeys) makeKey(`host-${type}-${bits}`, type, bits);
  makeKey('login', 'ed25519', '256');
  agent = spawn('ssh-agent', ['-D', '-a', pathOf('agent')], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(agent.stdout!, 'data');
  execFileSync('ssh-add', ['-q', pathOf('login')], {
    env: { ...process.env, SSH_AUTH_SOCK: pathOf('agent') },
  });
  recorder = await startRecordingAgent(pathOf('recorder'), pathOf('agent'));
  const { publicKey, privateKey } = makeHostKey('unused');
  machine = await startLoopbackMachine({
    hostKey: { publicKey, privateKey: privateKey.reveal() },
    authorizedKeys: [readFileSync(pathOf('login.pub'), 'utf8').trim()],
    sshdConfig: [
      ...hostKeys.map(([type, bits]) => `HostKey ${pathOf(`host-${type}-${bits}`)}`),
      `HostKeyAlgorithms ${algorithms.join(',')}`,
      // In the place of the hardening's: nothing keeps up the path that it names here.
      'SetEnv SPUFF_TEST=1',
    ].join('\n'),
  });
});

afterAll(async () => {
  await machine.remove();
  recorder.close();
  agent.kill();
  rmSync(folder, { recursive: true });
});

/** Logs in and runs a program; gives what each new connection to the agent was asked. */
async function logIn(
  algorithm: string,
  options: readonly string[],
  argv: readonly string[],
): Promise<Buffer[][]> {
  const before = recorder.connections.length;
  const settings = [
    `IdentityAgent=${pathOf('recorder')}`,
    `HostKeyAlgorithms=${algorithm}`,
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'BatchMode=yes',
    'LogLevel=ERROR',
  ];
  const destination = ['-p', String(machine.port), `${machine.user}@${machine.host}`, ...argv];
  const config = ['-F', 'none', ...settings.flatMap((setting) => ['-o', setting]), ...options];
  await run('ssh', [...config, ...destination]);
  return recorder.connections.slice(before);
}

function readBind(body: Buffer | undefined) {
  const extension = body && parseExtension(body);
  return extension?.kind === 'session-bind' ? extension.bind : null;
}

describe.each(algorithms)('a host that proves itself with %s', (algorithm) => {
  it('is believed when ssh logs in there, and the login names its key', async () => {
    const [asked = []] = await logIn(algorithm, [], ['true']);
    const bind = readBind(asked[0]);
    expect(bind).toMatchObject({ forwarding: false });
    const login = asked
      .filter((body) => body[0] === messages.signRequest)
      .map((body) => parseSignedData(parseSignRequest(body)!.data))[0];
    expect(login).toMatchObject({ kind: 'login', user: machine.user, algorithm: 'ssh-ed25519' });
    expect(login).toMatchObject({ sessionId: bind?.sessionId, hostKey: bind?.hostKey });
  });

  it('is believed as the machine when ssh forwards the agent to it', async () => {
    const connections = await logIn(algorithm, ['-A'], ['ssh-add', '-l']);
    const [asked = []] = connections.filter(([first]) => readBind(first)?.forwarding === true);
    expect(asked.map((body) => body[0])).toEqual([messages.extension, messages.requestIdentities]);
    const bind = readBind(asked[0])!;
    expect(decideBind(newConnection, bind, bind.hostKey)).toMatchObject({
      state: { binds: [{ forwarding: true }], poisoned: null },
      refused: null,
    });
    const forged = Buffer.from(bind.sessionId);
    forged[0]! ^= 1;
    expect(decideBind(newConnection, { ...bind, sessionId: forged }, bind.hostKey).refused).toBe(
      'false-proof',
    );
  });
});
