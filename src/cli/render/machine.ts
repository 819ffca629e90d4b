/** What the agent tells about the machine, for people. */

import type { AgentResponse } from '../../app/ask-agent.ts';
import { formatBytes } from '../../domain/bytes.ts';
import type { Paint } from './terminal.ts';
import { formatFields, formatShare, formatTable } from './text.ts';

export function describeMetrics(metrics: AgentResponse<'metrics'>, paint: Paint): string {
  const { cpu, load, memory, disks, network } = metrics;
  const used = memory.totalBytes - memory.availableBytes;
  const fields = formatFields(
    [
      [
        'cpu',
        `${cpu.usedShare === null ? 'not measured yet' : formatShare(cpu.usedShare)} of ${cpu.cores} cores`,
      ],
      ['load', [load.one, load.five, load.fifteen].map((value) => value.toFixed(2)).join(' ')],
      ['memory', `${formatBytes(used)} of ${formatBytes(memory.totalBytes)}`],
      [
        'swap',
        memory.swapTotalBytes === 0
          ? null
          : `${formatBytes(memory.swapTotalBytes - memory.swapFreeBytes)} of ${formatBytes(memory.swapTotalBytes)}`,
      ],
      ...disks.map(
        (disk) =>
          [
            `disk ${disk.mount}`,
            `${formatBytes(disk.usedBytes)} of ${formatBytes(disk.totalBytes)}`,
          ] as const,
      ),
      ...(network ?? []).map(
        (one) =>
          [
            `net ${one.name}`,
            `${formatBytes(one.receivedBytes)} in, ${formatBytes(one.sentBytes)} out`,
          ] as const,
      ),
    ],
    paint,
  );
  return fields;
}

export function describeProcesses({ processes, total }: AgentResponse<'processes'>, paint: Paint): string {
  const rows = processes.map((one) => [
    String(one.pid),
    one.user,
    formatShare(one.cpuShare),
    formatBytes(one.residentBytes),
    one.command === '' ? `[${one.name}]` : one.command,
  ]);
  const more = total > processes.length ? `\n(${processes.length} of ${total})` : '';
  return formatTable(rows, { header: ['PID', 'USER', 'CPU', 'MEMORY', 'COMMAND'], paint }) + more;
}
