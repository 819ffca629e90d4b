import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { startTestAgent, type TestAgent } from '../../agent/start-test-agent.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Capabilities, VmState } from '../../domain/provider.ts';
import { Secret } from '../../domain/secret.ts';
import { jsonShapes } from '../json-shapes.ts';

let agent: TestAgent;
beforeEach(async () => {
  agent = await startTestAgent();
  const deadline = Math.floor(Date.now() / 1_000) + 36_000;
  writeFileSync(agent.configPath, JSON.stringify({ user: 'dev', deadline, idleTimeoutSeconds: 7_200 }));
});
afterEach(() => agent.stop());

const tariff = {
  hourly: { amount: '0.036', currency: 'EUR', basis: 'net' as const },
  ...{ granularity: 'second' as const, minSeconds: 0 },
};

/** An instance whose agent is this process's, at a provider that says it is in such a state. */
function createRun(state: VmState = 'running', guestPoweroff = 'nothing'): FakeRun {
  return {
    state: new MemoryState([sampleInstance({ agentToken: new Secret(agent.token), tariff })]),
    ssh: { openChannel: async () => agent.socketPath },
    provider: {
      caps: { guestPoweroff } as Capabilities,
      get: async () => ({ state }) as never,
    },
  };
}

async function readJson(argv: string[], run: FakeRun) {
  const { out, status, err } = await runLine([...argv, '--json'], run);
  expect([status, err]).toEqual([0, '']);
  return JSON.parse(out) as Record<string, never>;
}

describe('spuff why', () => {
  it('says what the agent sees, what follows, and what it costs until then', async () => {
    agent.agent.lifecycle.tick();
    const { out, status } = await runLine(['why', 'demo'], createRun());
    expect(status).toBe(0);
    expect(out).toMatch(/^machine +demo, running$/m);
    expect(out).toMatch(/^end +powers off .*: nobody has used the machine/m);
    expect(out).toMatch(/^cost +\d+\.\d+ EUR by then, 0\.072 EUR so far$/m);
    expect(out).toMatch(/^off +billed on while it is off/m);
    for (const sign of ['terminals', 'calls', 'commands', 'cpu', 'processes', 'network'])
      expect(out).toMatch(new RegExp(`^${sign} `, 'm'));
  });

  it('prints its shape for programs', async () => {
    const answer = await readJson(['why', 'demo'], createRun());
    expect(jsonShapes.why.schema.safeParse(answer)).toMatchObject({ success: true });
    expect(answer).toMatchObject({ machine: { ok: true, value: 'running' }, verdict: { inUse: false } });
  });

  it.each<[string, FakeRun | (() => FakeRun), string]>([
    ['is off', () => createRun('stopped'), 'not known: the machine is stopped'],
    [
      'does not answer',
      () => ({
        ...createRun(),
        ssh: { openChannel: () => Promise.reject(new SpuffError('connection', 'no route to host')) },
      }),
      'not known: no route to host',
    ],
  ])('says of a machine that %s what the provider knows, and exits with 0', async (_how, run, said) => {
    const given = typeof run === 'function' ? run() : run;
    const { out, status, err } = await runLine(['why', 'demo'], given);
    expect([status, err]).toEqual([0, '']);
    expect(out).toContain(said);
    expect(jsonShapes.why.schema.safeParse(await readJson(['why', 'demo'], given))).toMatchObject({
      success: true,
    });
  });

  it('goes on with --watch, and prints a line when something changes', async () => {
    const stop = new AbortController();
    const run = { ...createRun(), signal: stop.signal };
    const states: VmState[] = ['running', 'running', 'stopped'];
    const provider = {
      ...run.provider,
      get: async () => {
        const state = states.shift();
        if (state === undefined) stop.abort();
        return { state: state ?? 'stopped' } as never;
      },
    };
    const { out } = await runLine(['why', 'demo', '--watch'], { ...run, provider });
    expect(out.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^demo nobody has used it for .*; powers off in .*: nobody has used the machine/),
      'demo: stopped',
    ]);
  });
});

describe('spuff keep', () => {
  it('keeps it on for two hours, or as long as asked for, and ends that', async () => {
    const run = createRun();
    const { out } = await runLine(['keep', 'demo', '--reason', 'a demo'], run);
    expect(out).toMatch(/^demo is kept on until .*Z \(in /);
    const shown = await runLine(['why', 'demo'], run);
    expect(shown.out).toMatch(/^kept +on for .* more: a demo$/m);
    const answer = await readJson(['keep', 'demo', '--for', '3h'], run);
    expect(jsonShapes.keep.schema.safeParse(answer)).toMatchObject({ success: true });
    expect(Date.parse(answer['until'] ?? '')).toBeGreaterThan(Date.now() + 10_790_000);
    expect((await runLine(['keep', 'demo', '--end'], run)).out).toBe('demo is no longer kept on\n');
    expect((await runLine(['why', 'demo'], run)).out).not.toMatch(/^kept/m);
  });

  it('says when the lease ends first', async () => {
    const { out } = await runLine(['keep', 'demo', '--for', '20h'], createRun());
    expect(out).toMatch(/: there its lease ends\n$/);
  });

  it.each([
    ['both ways', ['--end', '--for', '1h']],
    ['no length of time', ['--for', 'long']],
    ['a reason that is too long', ['--reason', 'x'.repeat(201)]],
  ])('refuses %s', async (_what, options) => {
    expect((await runLine(['keep', 'demo', ...options], createRun())).status).toBe(2);
  });
});
