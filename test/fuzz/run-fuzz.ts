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
  let madeMs = 0;
  const before = process.cpuUsage();
  const { stackTraceLimit } = Error;
  // A refusal is an error, and where it came from is a fifth of what it costs. A failure is tried again with it.
  Error.stackTraceLimit = 0;
  try {
    for (; inputs < count && failures.length < mostFailures; inputs++) {
      const beganMs = performance.now();
      const input = corpus[inputs] ?? mutate(random.pick(corpus), random);
      madeMs += performance.now() - beganMs;
      watch.begin(input);
      const outcome = await tryOne(target, input);
      if (outcome === 'taken') taken++;
      else if (outcome !== 'refused')
        failures.push(`${await explain(target, input, outcome)}: ${keepFailure(name, input)}`);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    await watch.end();
  }
  const { user, system } = process.cpuUsage(before);
  const seconds = `${((user + system) / 1e6).toFixed(1)} s of CPU, ${(madeMs / 1_000).toFixed(1)} s to make them`;
  process.stdout.write(
    `fuzz ${name}: ${inputs} inputs, ${taken} taken, ${inputs - taken} refused or failed, ${failures.length} failures; ${seconds}\n`,
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

async function explain(target: FuzzTarget, input: Buffer, outcome: string): Promise<string> {
  Error.stackTraceLimit = 10;
  const again = await runOne(target, input);
  Error.stackTraceLimit = 0;
  return again === 'taken' || again === 'refused' ? outcome : again;
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
