import { describe, expect, it } from 'vitest';
import { runLine } from '../../test/fakes/cli-run.ts';
import { fakeGuard } from '../../test/fakes/fake-guard.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import type { Guard, GuardOptions } from '../domain/guard.ts';
import type { Settings } from '../domain/settings.ts';
import type { SessionOptions } from '../domain/ssh.ts';

interface Opened {
  forwardAgent: SessionOptions['forwardAgent'];
  shared: boolean;
}

async function openWith(
  forwardAgent: Settings['forwardAgent'],
  guard: Guard | null = null,
  during: (options: GuardOptions) => void = () => undefined,
) {
  const opened: Opened[] = [];
  let options: GuardOptions | null = null;
  const ssh = {
    openGuard: async (_: unknown, given: GuardOptions) => {
      options = given;
      return guard;
    },
    openSession: async (...[, , { forwardAgent: lent, shared }]: [unknown, unknown, SessionOptions]) => {
      opened.push({ forwardAgent: lent, shared });
      if (options) during(options);
      return 0;
    },
  };
  const state = new MemoryState([sampleInstance()]);
  const { err } = await runLine(['ssh', 'demo'], { ssh, state, settings: { forwardAgent } });
  return { err, opened };
}

describe('a session that lends the whole ssh-agent', () => {
  it('says in one line what that means, each time, and what would be better', async () => {
    for (let time = 0; time < 2; time++) {
      const { err, opened } = await openWith('raw');
      expect(opened).toEqual([{ forwardAgent: 'raw', shared: false }]);
      const lines = err.split('\n').filter((line) => line.includes('ssh-agent') || line.includes('guard'));
      expect(lines).toEqual([
        'warning: your ssh-agent is lent to demo for this session: root there can use every key in it until it ends',
        'hint: lend it through the guard instead: spuff config set forward_agent guard',
      ]);
    }
  });
});

describe('a session that lends nothing', () => {
  it('shares the connection, and has no word about it', async () => {
    const { err, opened } = await openWith('none');
    expect(opened).toEqual([{ forwardAgent: false, shared: true }]);
    expect(err).not.toContain('ssh-agent');
  });
});

describe('a session with a guard', () => {
  it('has a connection of its own, and the guard ends with it', async () => {
    const guard = fakeGuard();
    const { opened } = await openWith('guard', guard);
    expect(opened).toEqual([{ forwardAgent: guard, shared: false }]);
    expect(guard.closed).toBe(1);
  });

  it('goes on without where no agent runs, and says how to start one', async () => {
    const { err, opened } = await openWith('guard', null);
    expect(opened).toEqual([{ forwardAgent: false, shared: true }]);
    expect(err).toContain('no ssh-agent runs here');
    expect(err).toContain('ssh-add');
  });

  it('tells what was refused, and how to allow it, once and not again at each try', async () => {
    const { err } = await openWith('guard', fakeGuard(), ({ onRefused }) => {
      for (let count = 0; count < 5; count++) onRefused(refusal);
    });
    expect(err.split('\n').filter((line) => line.startsWith('spuff: '))).toEqual([
      'spuff: refused a signature: demo asked to log in to SHA256:abc as git, but the host is not allowed',
      'spuff: to allow it: spuff guard allow HOST --host-key SHA256:abc',
    ]);
  });
});

const refusal = {
  at: '2026-11-25T12:00:00.000Z',
  instanceKey: sampleInstance().key,
  instanceName: 'demo',
  session: '00000000',
  decision: 'refused' as const,
  reason: 'destination' as const,
  request: {
    kind: 'login' as const,
    keyFingerprint: 'SHA256:key',
    destination: null,
    hostFingerprint: 'SHA256:abc',
    hostKey: 'ssh-ed25519 AAAA',
    user: 'git',
  },
};
