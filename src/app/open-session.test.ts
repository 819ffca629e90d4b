import { describe, expect, it } from 'vitest';
import { runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';

async function openWith(forwardAgent: 'none' | 'raw') {
  const lent: boolean[] = [];
  const ssh = {
    openSession: async (...[, , options]: [unknown, unknown, { forwardAgent: boolean }]) => {
      lent.push(options.forwardAgent);
      return 0;
    },
  };
  const state = new MemoryState([sampleInstance()]);
  const { err } = await runLine(['ssh', 'demo'], { ssh, state, settings: { forwardAgent } });
  return { err, lent };
}

describe('a session that lends the ssh-agent', () => {
  it('says in one line what that means, each time', async () => {
    for (let time = 0; time < 2; time++) {
      const { err, lent } = await openWith('raw');
      expect(lent).toEqual([true]);
      const lines = err.split('\n').filter((line) => line.includes('ssh-agent'));
      expect(lines).toEqual([
        'warning: your ssh-agent is lent to demo for this session: root there can use every key in it until it ends',
      ]);
    }
  });

  it('is no other one', async () => {
    const { err, lent } = await openWith('none');
    expect(lent).toEqual([false]);
    expect(err).not.toContain('ssh-agent');
  });
});
