/** What it costs a command that it starts a reaper in the background, against one that is not its minute's first. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, measureInTurn, runTimed } from './measure.ts';
import type { BenchSetup } from './setup.ts';
import { formatMs, type Row } from './table.ts';

/** A reaper that still runs would be measured along with the next command; and each begins after the same rest. */
const restMs = 1_200;

/** Needs an instance in the home of `setup`. */
export async function measureBackground(setup: BenchSetup, rounds: number): Promise<Row[]> {
  const run = join(setup.home, 'run');
  const env = { ...setup.env, SPUFF_BACKGROUND: '', CI: '' };
  const stamps = () => readdirSync(run).filter((name) => name.startsWith('reap-'));
  const rest = () => new Promise((resolve) => setTimeout(resolve, restMs));
  const timeList = async (prepare: () => void, variables: Record<string, string>) => {
    for (const name of stamps()) rmSync(join(run, name));
    prepare();
    await rest();
    return (await runTimed([...setup.command, 'ls'], variables)).ms;
  };
  const takeMinute = () => {
    for (const nth of [0, 1]) writeFileSync(join(run, `reap-${Math.floor(Date.now() / 60_000) + nth}`), '');
  };
  const jobs: Job[] = [
    { name: 'spuff ls, no reaper at all', once: () => timeList(() => undefined, setup.env) },
    { name: 'spuff ls that starts none', once: () => timeList(takeMinute, env) },
    {
      name: 'spuff ls that starts a reaper',
      once: async () => {
        const ms = await timeList(() => undefined, env);
        if (stamps().length === 0) throw new Error('no reaper was started');
        return ms;
      },
    },
  ];
  const [off, idle, starting] = await measureInTurn(jobs, rounds);
  if (!off || !idle || !starting) throw new Error('a job was not measured');
  return [idle, starting].map((one) => ({
    what: one.name,
    value: formatMs(one.medianMs),
    peer: `${off.name}: ${formatMs(off.medianMs)}`,
    ratio: `${one.medianMs >= off.medianMs ? '+' : '-'}${Math.abs(one.medianMs - off.medianMs).toFixed(1)} ms`,
    aim: '',
    met: null,
  }));
}
