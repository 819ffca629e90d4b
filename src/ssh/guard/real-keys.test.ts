/** What ssh-agent and ssh-keygen of this system say and sign, read and judged by the guard. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSignRequest } from '../../../test/fakes/agent-client.ts';
import { fromMachine, policy } from '../../../test/fakes/guard-scene.ts';
import { type RecordingAgent, startRecordingAgent } from '../../../test/fakes/recording-agent.ts';
import { encodeStrings } from '../../../test/fakes/ssh-hosts.ts';
import type { GuardPolicy } from '../../domain/guard.ts';
import { parsePublicKey } from '../../lib/public-key.ts';
import { decodeStrings } from '../../lib/ssh-wire.ts';
import { messages, parseIdentitiesAnswer, parseSignRequest } from './agent-messages.ts';
import { decideSign, selectKeys, toShownKey } from './decide.ts';
import { connectUpstream, type Upstream } from './upstream.ts';
import { verifyHostSignature } from './verify-signature.ts';

const run = promisify(execFile);
const kinds = [
  { name: 'ed25519', options: ['-t', 'ed25519'] },
  { name: 'ecdsa-256', options: ['-t', 'ecdsa', '-b', '256'] },
  { name: 'ecdsa-384', options: ['-t', 'ecdsa', '-b', '384'] },
  { name: 'ecdsa-521', options: ['-t', 'ecdsa', '-b', '521'] },
  { name: 'rsa', options: ['-t', 'rsa', '-b', '2048'] },
];
const names = kinds.map(({ name }) => name);

let folder = '';
let daemon: ChildProcess;
let recorder: RecordingAgent;
let agent: Upstream;
const pathOf = (name: string) => join(folder, name);
const blobOf = (name: string) =>
  Buffer.from(readFileSync(pathOf(`${name}.pub`), 'utf8').split(' ')[1]!, 'base64');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-keys-'));
  daemon = spawn('ssh-agent', ['-D', '-a', pathOf('agent')], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(daemon.stdout!, 'data');
  for (const { name, options } of kinds) {
    execFileSync('ssh-keygen', ['-q', ...options, '-N', '', '-C', `${name} of nobody`, '-f', pathOf(name)]);
    execFileSync('ssh-add', ['-q', pathOf(name)], {
      env: { ...process.env, SSH_AUTH_SOCK: pathOf('agent') },
    });
  }
  recorder = await startRecordingAgent(pathOf('recorder'), pathOf('agent'));
  agent = await connectUpstream(pathOf('agent'));
});

afterAll(() => {
  agent.close();
  recorder.close();
  daemon.kill();
  rmSync(folder, { recursive: true });
});

async function listKeys() {
  const answer = await agent.ask(Buffer.from([messages.requestIdentities]));
  return (parseIdentitiesAnswer(answer) ?? []).map(toShownKey);
}

/** The signature blob that the agent makes. */
async function signByAgent(name: string, data: Buffer, flags: number): Promise<Buffer> {
  const answer = await agent.ask(encodeSignRequest(blobOf(name), data, flags));
  expect(answer[0]).toBe(messages.signResponse);
  return decodeStrings(answer.subarray(1))![0]!;
}

describe('the keys of ssh-agent', () => {
  it('are read as ssh-add prints them, and could all sign', async () => {
    const keys = await listKeys();
    const { stdout } = await run('ssh-add', ['-L'], {
      env: { ...process.env, SSH_AUTH_SOCK: pathOf('agent') },
    });
    const lines = stdout
      .trim()
      .split('\n')
      .map((text) => parsePublicKey(text));
    expect(keys.map(({ fingerprint, comment }) => [fingerprint, comment])).toEqual(
      lines.map((key) => [key?.fingerprint, key?.comment]),
    );
    expect(selectKeys(keys, policy)).toEqual(keys);
    expect(selectKeys(keys, { ...policy, keys: [['rsa of nobody']] }).map(({ blob }) => blob)).toEqual([
      blobOf('rsa'),
    ]);
  });
});

describe.each([
  ...names.filter((name) => name !== 'rsa').map((name): [string, number] => [name, 0]),
  ['rsa', 2] as [string, number],
  ['rsa', 4] as [string, number],
])('a signature by ssh-agent: %s, flags %i', (name, flags) => {
  it('is good, over what was signed alone', async () => {
    for (let length = 0; length < 40; length++) {
      const data = Buffer.alloc(length, length);
      const signature = await signByAgent(name, data, flags);
      expect(verifyHostSignature(blobOf(name), data, signature)).toBe(true);
      expect(verifyHostSignature(blobOf(name), Buffer.alloc(length + 1), signature)).toBe(false);
      for (const other of names)
        if (other !== name) expect(verifyHostSignature(blobOf(other), data, signature)).toBe(false);
    }
  });
});

describe.each(names)('ssh-keygen -Y sign with the key %s', (name) => {
  /** Signs by the recorder; gives the request that ssh-keygen made, and the signature that it wrote. */
  async function signFile(namespace: string, hash: string): Promise<{ body: Buffer; armored: string }> {
    const before = recorder.connections.length;
    const file = pathOf(`commit-${before}`);
    writeFileSync(file, 'a commit, for example');
    await run(
      'ssh-keygen',
      ['-q', '-Y', 'sign', '-n', namespace, '-O', `hashalg=${hash}`, '-f', pathOf(`${name}.pub`), file],
      {
        env: { ...process.env, SSH_AUTH_SOCK: pathOf('recorder') },
      },
    );
    const asked = recorder.connections.slice(before).flat();
    return {
      body: asked.find((body) => body[0] === messages.signRequest)!,
      armored: readFileSync(`${file}.sig`, 'utf8'),
    };
  }

  const decide = async (body: Buffer, commitSigning: GuardPolicy['commitSigning']) =>
    decideSign(fromMachine, body, {
      policy: { ...policy, commitSigning },
      machineHostKey: fromMachine.binds[0]!.hostKey,
      keys: await listKeys(),
      lease: 'running',
    });

  it.each(['sha256', 'sha512'])(
    'asks with %s for what the guard allows, in the namespace git alone',
    async (hash) => {
      const { body } = await signFile('git', hash);
      expect(await decide(body, 'allow')).toMatchObject({ allowed: true, request: { kind: 'commit' } });
      expect(await decide(body, 'off')).toMatchObject({ allowed: false, reason: 'commit-signing' });
      const other = await signFile('file', hash);
      expect(await decide(other.body, 'allow')).toMatchObject({ reason: 'namespace' });
    },
  );

  it('makes a signature that is good over what it asked to be signed', async () => {
    const { body, armored } = await signFile('git', 'sha512');
    const { data } = parseSignRequest(body)!;
    const sshsig = Buffer.from(armored.replace(/-----[^-]+-----/g, ''), 'base64');
    // "SSHSIG", a version, then strings: key, namespace, reserved, hash, signature.
    const [key, , , , signature] = decodeStrings(sshsig.subarray(10))!;
    expect(key).toEqual(blobOf(name));
    expect(verifyHostSignature(key!, data, signature!)).toBe(true);
    expect(verifyHostSignature(key!, encodeStrings(data), signature!)).toBe(false);
  });
});
