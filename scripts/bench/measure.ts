/** Times whole commands, in turn with their peers, so that a drift of the machine's speed hits both. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Job {
  name: string;
  /** Gives milliseconds. */
  once(): Promise<number>;
}

/** A command as a job: from its start to its end, its output thrown away. */
export function commandJob(name: string, argv: readonly string[], env: Record<string, string> = {}): Job {
  return { name, once: async () => (await runTimed(argv, env)).ms };
}

/** @throws when the command does not exit with 0 */
export async function runTimed(
  argv: readonly string[],
  env: Record<string, string> = {},
  directory?: string,
): Promise<{ ms: number; stdout: string }> {
  const [command = '', ...args] = argv;
  const start = process.hrtime.bigint();
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(directory !== undefined && { cwd: directory }),
    env: { ...process.env, ...env, NODE_EXTRA_CA_CERTS: '' },
  });
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout.setEncoding('utf8').toArray(),
    child.stderr.setEncoding('utf8').toArray(),
    once(child, 'close'),
  ]);
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (code !== 0)
    throw new Error(`${argv.join(' ')} exited with ${code}: ${stderr.join('').slice(0, 2_000)}`);
  return { ms, stdout: stdout.join('') };
}

export interface Measured {
  name: string;
  medianMs: number;
  minMs: number;
  maxMs: number;
}

/** Runs the jobs in turn, `rounds` times after one round that is not counted. */
export async function measureInTurn(jobs: readonly Job[], rounds: number): Promise<Measured[]> {
  const samples = jobs.map(() => [] as number[]);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, job] of jobs.entries()) {
      const ms = await job.once();
      if (round > 0) samples[index]?.push(ms);
    }
  }
  return jobs.map((job, index) => {
    const sorted = (samples[index] ?? []).sort((a, b) => a - b);
    return {
      name: job.name,
      medianMs: median(sorted),
      minMs: sorted[0] ?? Number.NaN,
      maxMs: sorted.at(-1) ?? Number.NaN,
    };
  });
}

function median(sorted: readonly number[]): number {
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
