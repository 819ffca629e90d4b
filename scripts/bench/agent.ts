import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchSetup } from './setup.ts';
import type { Row } from './table.ts';

const restSeconds = 60;

/** Memory, processor time at rest and start of the agent, as the machine's own kernel and systemd count them. */
export async function measureAgent(setup: BenchSetup): Promise<Row[]> {
  const onMachine = async (...argv: string[]) => (await setup.spuff(['exec', 'bench', '--', ...argv])).stdout;
  const pid = (await onMachine('systemctl', 'show', '-p', 'MainPID', '--value', 'spuff-agent')).trim();
  const before = await readTicks(onMachine, pid);
  await sleep(restSeconds * 1_000);
  const after = await readTicks(onMachine, pid);
  const residentKiB = Number(/^VmRSS:\s+(\d+)/m.exec(await onMachine('cat', `/proc/${pid}/status`))?.[1]);
  // A tick is 10 ms: USER_HZ is 100 on every Linux that spuff runs on.
  const share = (after - before) / 100 / restSeconds;
  const startMs = Number((await onMachine('sudo', 'sh', '-c', startScript)).trim());
  return [
    row('resident memory', `${(residentKiB / 1024).toFixed(1)} MiB`, '≤ 60 MB', residentKiB * 1024 <= 60e6),
    row(
      `processor time at rest, over ${restSeconds} s`,
      `${(share * 100).toFixed(2)} %`,
      '≤ 0.2 %',
      share <= 0.002,
    ),
    row('start to first answer', `${startMs} ms`, '', null),
  ];
}

/** Restarts the agent and waits for its first answer; prints milliseconds. */
const startScript = `
begin=$(date +%s%N)
systemctl restart spuff-agent
until curl -sf -o /dev/null http://127.0.0.1:7575/health; do :; done
echo $((($(date +%s%N) - begin) / 1000000))
`;

async function readTicks(onMachine: (...argv: string[]) => Promise<string>, pid: string): Promise<number> {
  const stat = await onMachine('cat', `/proc/${pid}/stat`);
  // proc(5): utime and stime are fields 14 and 15; the name in field 2 may hold blanks, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function row(what: string, value: string, aim: string, met: boolean | null): Row {
  return { what, value, peer: '', ratio: '', aim, met };
}
