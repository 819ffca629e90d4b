import { commandJob, type Measured, measureInTurn } from './measure.ts';
import type { BenchSetup } from './setup.ts';
import { formatMs, type Row } from './table.ts';

/** Start-up of three commands against an empty Node and another tool of the trade. */
export async function measureStartUp(setup: BenchSetup, rounds: number): Promise<Row[]> {
  const spuff = (...args: string[]) =>
    commandJob(`spuff ${args.join(' ')}`, [...setup.command, ...args], setup.env);
  const [node, docker, version, ls, status] = await measureInTurn(
    [
      commandJob('node -e 0', [setup.node, '-e', '0']),
      commandJob('docker --version', ['docker', '--version']),
      spuff('--version'),
      spuff('ls'),
      spuff('status', 'bench'),
    ],
    rounds,
  );
  if (!node || !docker || !version || !ls || !status) throw new Error('a job was not measured');
  return [
    compare(version, node, 1.3),
    compare(ls, node, 1.8),
    compare(status, node, null),
    compare(version, docker, null),
    compare(ls, docker, null),
    compare(status, docker, null),
  ];
}

export function compare(measured: Measured, peer: Measured, aim: number | null): Row {
  const ratio = measured.medianMs / peer.medianMs;
  return {
    what: measured.name,
    value: formatMs(measured.medianMs),
    peer: `${peer.name}: ${formatMs(peer.medianMs)}`,
    ratio: `${ratio.toFixed(2)} ×`,
    aim: aim === null ? '' : `≤ ${aim} ×`,
    met: aim === null ? null : ratio <= aim,
  };
}
