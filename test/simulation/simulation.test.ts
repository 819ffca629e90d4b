import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { type ModelName, modelNames } from './cloud-model.ts';
import { replay, simulate } from './simulate.ts';
import { renderTallies, violationKinds } from './tally.ts';

/** Then the fresh seed gets as many lives as the figures are made of. */
const isNightly = process.env['SPUFF_NIGHTLY'] === '1';
const nightlyLives = 10_000;

/** As many as take a second or two; the clouds with long answers get fewer. */
const livesByDay: Record<ModelName, number> = { digitalocean: 40, hetzner: 30, aws: 12, local: 80 };
const nightlyMs = 3 * 3_600_000;

/** The same lives each time, and others besides. */
const seeds = [
  ['fixed', 'spuff'],
  ['fresh', process.env['SEED'] ?? randomBytes(6).toString('hex')],
] as const;

async function expectNoViolation(model: ModelName, seed: string, lives: number): Promise<void> {
  const tally = await simulate({ model, seed, lives });
  const [first] = tally.findings;
  const told = first ? await replay({ model, seed, number: first.life }) : '';
  const again = `again: SEED=${seed} npm run simulate -- --model ${model} --life ${first?.life}`;
  expect(tally.findings.length, `${told}\n${again}`).toBe(0);
  // Few lives of a fresh seed may be those of users whose `up` is refused or dies.
  expect(tally.machines).toBeGreaterThan(lives / 10);
  if (lives === nightlyLives) process.stdout.write(`seed ${seed}\n${renderTallies([tally])}\n`);
}

for (const [kind, seed] of seeds) {
  test.for(modelNames)(
    `no machine outlives its lease, and none ends before: %s, ${kind} seed${kind === 'fresh' ? ` ${seed}` : ''}`,
    { timeout: isNightly ? nightlyMs : 60_000 },
    (model) =>
      expectNoViolation(model, seed, isNightly && kind === 'fresh' ? nightlyLives : livesByDay[model]),
  );
}

test('the same seed gives the same life, and another one another', async () => {
  const tell = (seed: string) => replay({ model: 'hetzner', seed, number: 3 });
  expect(await tell('one')).toBe(await tell('one'));
  expect((await tell('one')).replace('one', 'two')).not.toBe(await tell('two'));
});

test('a run without a violation says so of each kind', async () => {
  const text = renderTallies([await simulate({ model: 'local', seed: 'spuff', lives: 3 })]);
  expect(text.match(/\| 0 \|$/gm)?.length).toBeGreaterThanOrEqual(violationKinds.length);
});

test('a user is not forgotten who was there while the agent hung, when that agent is then killed', async () => {
  const tally = await simulate({ model: 'hetzner', seed: '77', first: 573, lives: 1 });
  expect(tally.findings).toEqual([]);
});
