import { expect, it } from 'vitest';
import { nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { sampleVm } from '../../../test/fakes/sample-vm.ts';
import type { Vm } from '../../domain/provider.ts';

async function run(words: readonly string[]) {
  const instance = sampleInstance({ name: 'demo' });
  const set: (Date | null)[] = [];
  const vm: Vm = sampleVm({ key: instance.key, state: 'stopped', expiresAt: instance.expiresAt });
  const outcome = await runLine(['extend', ...words], {
    state: new MemoryState([instance]),
    provider: { find: async () => vm, setExpiry: async (_id, expiresAt) => void set.push(expiresAt) },
    settings: { maxLifetimeMs: null },
  });
  return { ...outcome, set: set.map((date) => (date ? (date.getTime() - nowMs) / 3_600_000 : null)) };
}

it.each<[string[], number | null]>([
  [['2h'], 24],
  [['demo', '90m'], 23.5],
  [['demo', 'off'], null],
  [['off'], null],
  [['demo', '--until', '2026-11-23T18:00Z'], 6],
  [['--until', '2026-11-23T18:00:30+01:00'], 5 + 30 / 3_600],
])('%j moves the end', async (words, hours) => {
  const { status, set, out } = await run(words);
  expect(status).toBe(0);
  expect(set).toEqual([hours]);
  expect(out).toMatch(/^the lease of demo ends /);
});

it('takes a time of day as the next one here', async () => {
  const { set } = await run(['--until', '00:30']);
  expect(set[0]).toBeGreaterThan(0);
  expect(set[0]).toBeLessThanOrEqual(24);
});

it.each([
  [[], 'until when'],
  [['demo'], 'until when'],
  [['demo', 'soon'], 'until when'],
  [['demo', '1h', '2h'], 'until when'],
  [['demo', '1h', '--until', '18:00'], 'until when'],
  [['--until', '2026-11-23T18:00'], 'not a moment'],
  [['--until', '25:00'], 'not a moment'],
  [['--until', '2026-11-23T11:00Z'], 'over already'],
])('refuses %j', async (words, text) => {
  const { status, err, set } = await run(words);
  expect(status).toBe(2);
  expect(err).toContain(text);
  expect(set).toEqual([]);
});
