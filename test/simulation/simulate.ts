import './prepare.ts';
import type { ModelName } from './cloud-model.ts';
import { type LifeOptions, runLife } from './run-life.ts';
import { Tally } from './tally.ts';

export interface SimulateOptions extends Pick<LifeOptions, 'seed' | 'change' | 'broken'> {
  model: ModelName;
  lives: number;
  /** The number of the first one. */
  first?: number;
  onLife?: (done: number) => void;
}

export async function simulate(options: SimulateOptions): Promise<Tally> {
  const { model, lives, first = 0, onLife, ...each } = options;
  const tally = new Tally(model);
  for (let number = first; number < first + lives; number++) {
    tally.add(number, (await runLife({ ...each, model, number })).result);
    onLife?.(number - first + 1);
  }
  return tally;
}

/** One life, told line by line. */
export async function replay(options: Omit<LifeOptions, 'isTraced'>): Promise<string> {
  const { result, trace } = await runLife({ ...options, isTraced: true });
  const found = [...result.violations, ...result.mishaps].map(({ kind, text }) => `  ${kind}: ${text}`);
  const head = `${options.model}, life ${options.number} of seed ${options.seed}`;
  return [head, ...trace.map((line) => `  ${line}`), ...found].join('\n');
}
