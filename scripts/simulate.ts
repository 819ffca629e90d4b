/**
 * `npm run simulate -- --lives 10000 --seed S [--model aws]`: many lives of machines on virtual time, with a table at the end.
 * `--first 5000` leaves out those before. `SEED=S npm run simulate -- --model aws --life N` tells one of them again.
 */
import { parseArgs } from 'node:util';
import { type ModelName, modelNames } from '../test/simulation/cloud-model.ts';
import { replay, simulate } from '../test/simulation/simulate.ts';
import { renderTallies, type Tally } from '../test/simulation/tally.ts';

const { values } = parseArgs({
  options: {
    lives: { type: 'string', default: '1000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string', default: process.env['SEED'] ?? String(Date.now()) },
    model: { type: 'string', multiple: true },
    life: { type: 'string' },
  },
});
const seed = values.seed;
const shownFindings = 5;

function chooseModels(): readonly ModelName[] {
  const wanted = values.model ?? modelNames;
  const known = modelNames.filter((name) => wanted.includes(name));
  if (known.length === wanted.length) return known;
  throw new Error(`there is no such model; there are: ${modelNames.join(', ')}`);
}

async function runAll(lives: number): Promise<Tally[]> {
  const tallies: Tally[] = [];
  for (const model of chooseModels()) {
    const startedMs = performance.now();
    const tally = await simulate({
      model,
      seed,
      lives,
      first: Number(values.first),
      onLife: (done) => showProgress(model, done, lives),
    });
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    console.error(`${model}: ${lives} lives in ${seconds} s, ${tally.findings.length} violations`);
    for (const { life, kind, text } of tally.findings.slice(0, shownFindings)) {
      console.error(`\n${kind}: ${text}\n${await replay({ model, seed, number: life })}`);
      console.error(`again: SEED=${seed} npm run simulate -- --model ${model} --life ${life}`);
    }
    tallies.push(tally);
  }
  return tallies;
}

function showProgress(model: string, done: number, lives: number): void {
  if (done % 500 === 0 && process.stderr.isTTY) process.stderr.write(`\r${model}: ${done} of ${lives}   `);
}

if (values.life === undefined) {
  const tallies = await runAll(Number(values.lives));
  console.log(`seed ${seed}\n\n${renderTallies(tallies)}`);
  if (tallies.some(({ findings }) => findings.length > 0)) process.exitCode = 1;
} else {
  for (const model of chooseModels()) console.log(await replay({ model, seed, number: Number(values.life) }));
}
