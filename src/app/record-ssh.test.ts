import { describe, expect, it } from 'vitest';
import { MemoryAudit } from '../../test/fakes/memory-audit.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';
import type { KnownIdentity } from '../domain/instance.ts';
import type { Ssh } from '../domain/ssh.ts';
import { makeHostKey } from '../ssh/host-key.ts';
import { nameProgram, recordSsh } from './record-ssh.ts';
import { sshTargetOf } from './select-instance.ts';

const target = sshTargetOf(sampleInstance());
const { publicKey } = makeHostKey('test');
const session = { tty: 'auto', forwardAgent: false, shared: true } as const;

function scene(ssh: Partial<Ssh>) {
  const audit = new MemoryAudit();
  return { audit, ssh: recordSsh(ssh as Ssh, audit) };
}

describe('what runs on a machine', () => {
  it('has a line before it, with its name and how many arguments, and one with its status', async () => {
    const { audit, ssh } = scene({ openSession: async () => 3, run: async () => ({}) as never });
    await ssh.openSession(target, ['deploy', '--token', 'hunter2'], session);
    await ssh.run(target, ['cat', '/secret/path']);
    expect(audit.entries).toMatchObject([
      {
        kind: 'command',
        details: { event: 'started', program: 'deploy', arguments: 2, instanceName: 'demo' },
      },
      { kind: 'command', details: { event: 'ended', program: 'deploy', exitStatus: 3 } },
      { kind: 'command', details: { event: 'started', program: 'cat', arguments: 1 } },
    ]);
    expect(JSON.stringify(audit.entries)).not.toMatch(/hunter2|secret/);
  });

  it('is a session without a program, and says what was lent, and how it ended when it broke', async () => {
    const { audit, ssh } = scene({
      openSession: () => Promise.reject(new SpuffError('connection', 'broke')),
    });
    await expect(ssh.openSession(target, null, { ...session, forwardAgent: 'raw' })).rejects.toThrow('broke');
    expect(audit.entries).toMatchObject([
      { kind: 'session', details: { event: 'opened', lent: 'raw' } },
      { kind: 'session', details: { event: 'closed', exitStatus: null } },
    ]);
  });

  it('is a copy without the names of files', async () => {
    const { audit, ssh } = scene({ copy: async () => 0 });
    await ssh.copy(target, { from: ['a', 'b'], to: ':c' }, { recursive: false });
    expect(audit.entries[0]).toMatchObject({ details: { program: 'scp', arguments: 3 } });
  });

  it('goes on when it can not be written down', async () => {
    const { audit, ssh } = scene({ openSession: async () => 0 });
    audit.failure = new SpuffError('state', 'the disk is full');
    expect(await ssh.openSession(target, ['true'], session)).toBe(0);
  });

  it.each([
    ['/usr/bin/make', '/usr/bin/make'],
    ['TOKEN=abc make', 'TOKEN…'],
    ['curl -H "Authorization: x"', 'curl…'],
    ["sh<<<'secret'", 'sh…'],
    ['', ''],
  ])('is named by no more than its name: %j', (word, name) => {
    expect(nameProgram(word)).toBe(name);
  });
});

describe('host keys', () => {
  const rotating: KnownIdentity = { phase: 'rotating', injectedPublicKey: 'x', newPublicKey: publicKey };
  const pinned: KnownIdentity = { phase: 'pinned', injectedPublicKey: 'x', publicKey };
  const establish: Ssh['establishIdentity'] = async (_target, save) => {
    for (const identity of [rotating, pinned]) save(identity);
    return pinned;
  };
  const options = { deadline: new Date(0), signal: new AbortController().signal };

  it('are written down before they are believed', async () => {
    const { audit, ssh } = scene({ establishIdentity: establish });
    const seen: number[] = [];
    await ssh.establishIdentity(target, () => void seen.push(audit.entries.length), options);
    expect(seen).toEqual([1, 2]);
    expect(audit.entries).toMatchObject([
      { details: { event: 'learned', fingerprint: expect.stringMatching(/^SHA256:/) } },
      { details: { event: 'pinned', fingerprint: expect.stringMatching(/^SHA256:/) } },
    ]);
  });

  it('are not believed when they can not be written down', async () => {
    const { audit, ssh } = scene({ establishIdentity: establish });
    audit.failure = new SpuffError('state', 'the disk is full');
    const saved: KnownIdentity[] = [];
    await expect(ssh.establishIdentity(target, (one) => void saved.push(one), options)).rejects.toThrow(
      'full',
    );
    expect(saved).toEqual([]);
  });

  it('that are not the right ones are written down', async () => {
    const wrong = () => Promise.reject(new SpuffError('host-identity', 'another key'));
    const { audit, ssh } = scene({ run: wrong, openChannel: wrong });
    await expect(ssh.run(target, ['true'])).rejects.toThrow('another key');
    await expect(ssh.openChannel(target)).rejects.toThrow('another key');
    const mismatches = audit.entries.filter(({ kind }) => kind === 'host-key');
    expect(mismatches).toMatchObject([
      { details: { event: 'mismatch' } },
      { details: { event: 'mismatch' } },
    ]);
  });
});
