import { expect, it } from 'vitest';
import { runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import type { Money } from '../../domain/provider.ts';

const usd = (amount: string): Money => ({ amount, currency: 'USD', basis: 'net' });

it('spuff ls tells the cost so far, where there is one', async () => {
  const tariff = { hourly: usd('0.03571'), granularity: 'second' as const, minSeconds: 60 };
  const state = new MemoryState([sampleInstance({ tariff })]);
  expect((await runLine(['ls'], { state })).out).toMatch(/COST +CHECKED\ndemo .* 0\.07 USD +1h 59m ago/);
  const { out } = await runLine(['ls', '--json'], { state });
  expect(JSON.parse(out).instances).toMatchObject([{ costSoFar: usd('0.07142'), tariff }]);
});
