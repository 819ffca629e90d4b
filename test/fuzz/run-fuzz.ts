/** Feeds a parser from its corpus, and from what becomes of that. */
import { SpuffError } from '../../src/domain/errors.ts';
import { createRandom } from '../simulation/random.ts';
import { keepFailure, readCorpus } from './corpus.ts';
import { type Mutate, mutateBytes } from './mutate.ts';
import { startWatch } from './watch.ts';

export interface FuzzTarget {
  /** Of its folder in the corpus. */
  name: string;
  /** May throw what `isForeseen` knows, and nothing else. */
  parse(input: Buffer): unknown;
  mutate?: Mutate;
  /** Besides SpuffError and what is one. */
  isForeseen?(error: unknown): boolean;
}

export interface FuzzResult {
  inputs: number;
  /** So many were taken; the others were refused. */
  taken: number;
  failures: readonly string[];
}

const slowestMs = 1_000;
const mostFailures = 5;

export const inputsWanted = process.env['SPUFF_NIGHTLY'] === '1' ? 1_000_000 : 100_000;
/** Given again, it makes the same inputs. */
const seed = process.env['SPUFF_FUZZ_SEED'] ?? '2026';

/** @returns what was found; each failure is in the corpus by then */
export async function fuzz(target: FuzzTarget, count = inputsWanted): Promise<FuzzResult> {
  const { name, mutate = mutateBytes } = target;
  const corpus = readCorpus(name);
  const random = createRandom(`${seed} ${name}`);
  const watch = startWatch(name);
  const failures: string[] = [];
  let taken = 0;
  let inputs = 0;
  try {
    for (; inputs < count && failures.length < mostFailures; inputs++) {
      const input = corpus[inputs] ?? mutate(random.pick(corpus), random);
      watch.begin(input);
      const outcome = await tryOne(target, input);
      if (outcome === 'taken') taken++;
      else if (outcome !== 'refused') failures.push(`${outcome}: ${keepFailure(name, input)}`);
    }
  } finally {
    await watch.end();
  }
  process.stdout.write(
    `fuzz ${name}: ${inputs} inputs, ${taken} taken, ${inputs - taken} refused or failed, ${failures.length} failures\n`,
  );
  return { inputs, taken, failures };
}

/** @returns what is wrong, where something is */
async function tryOne(target: FuzzTarget, input: Buffer): Promise<'taken' | 'refused' | string> {
  const startedMs = performance.now();
  const outcome = await runOne(target, input);
  if (performance.now() - startedMs < slowestMs) return outcome;
  // The computer may have been busy: what counts is its own time, of another try.
  const before = process.cpuUsage();
  await runOne(target, input);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 < slowestMs ? outcome : 'it takes longer than a second';
}

async function runOne({ parse, isForeseen }: FuzzTarget, input: Buffer): Promise<string> {
  try {
    const given = parse(input);
    if (given instanceof Promise) await given;
    return 'taken';
  } catch (error) {
    if (isForeseen?.(error) || (error instanceof SpuffError && error.code !== 'internal')) return 'refused';
    return error instanceof Error
      ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' ')
      : String(error);
  }
}
