import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { machinePaths } from './machine-paths.ts';
import { createMetricsSource } from './metrics.ts';
import {
  parseLoad,
  parseMemory,
  parseMounts,
  parseNetwork,
  parseProcessStat,
  parseStat,
  parseUsers,
  pseudoTerminal,
} from './proc-files.ts';
import { listProcesses } from './process-list.ts';

describe('files of /proc', () => {
  it('reads the CPU times, iowait counted as idle', () => {
    const text =
      'cpu  10 20 30 400 50 6 7 8 90 0\ncpu0 5 10 15 200 25 3 3 4 45 0\ncpu1 5 10 15 200 25 3 4 4 45 0\nbtime 1700000000\n';
    expect(parseStat(text)).toEqual({
      cores: 2,
      totalTicks: 531,
      idleTicks: 450,
      stolenTicks: 8,
      bootedAtSeconds: 1_700_000_000,
    });
  });

  it('reads load, memory and network', () => {
    expect(parseLoad('0.10 0.20 0.30 1/100 42\n')).toEqual({ one: 0.1, five: 0.2, fifteen: 0.3 });
    expect(
      parseMemory(
        'MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:   50 kB\nSwapTotal: 4 kB\nSwapFree: 2 kB\n',
      ),
    ).toEqual({
      totalBytes: 102_400,
      availableBytes: 51_200,
      swapTotalBytes: 4_096,
      swapFreeBytes: 2_048,
    });
    const head = 'Inter-|   Receive\n face |bytes\n';
    const rows = '    lo: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0\n  eth0:1000 7 1 0 0 0 0 0 2000 8 2 0 0 0 0 0\n';
    expect(parseNetwork(head + rows)).toEqual([
      { name: 'eth0', receivedBytes: 1_000, sentBytes: 2_000, receiveErrors: 1, sendErrors: 2 },
    ]);
  });

  it('reads mounts, with spaces in their paths', () => {
    const text = '36 35 98:0 /mnt1 /mnt\\040two rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n';
    expect(parseMounts(text)).toEqual([
      { mount: '/mnt two', device: '/dev/root', type: 'ext3', deviceId: '98:0' },
    ]);
  });

  it('reads a process whose name looks like the rest of the line', () => {
    const rest = 'S 1 10 11 34817 10 0 1 2 3 4 150 50 70 7 20 0 1 0 5000 1000000 25 0';
    expect(parseProcessStat(`42 (a) R (b c) ${rest}`)).toEqual({
      pid: 42,
      name: 'a) R (b c',
      state: 'S',
      parentPid: 1,
      session: 11,
      terminal: 34_817,
      cpuTicks: 200,
      childTicks: 77,
      startedAtTicks: 5_000,
      residentBytes: 25 * 4_096,
    });
    expect(parseProcessStat('')).toBeNull();
  });

  it('names pseudo-terminals, and no consoles', () => {
    // 136:1, 137:0, and 136:256, whose minor is split in two.
    expect([34_817, 35_072, (136 << 8) | (1 << 20)].map(pseudoTerminal)).toEqual([
      'pts/1',
      'pts/256',
      'pts/256',
    ]);
    expect([0, 1_025, 1_088].map(pseudoTerminal)).toEqual([null, null, null]);
  });

  it('names users by their ids', () => {
    expect(
      parseUsers('root:x:0:0::/root:/bin/sh\ndev:x:1000:1000::/home/dev:/bin/bash\ntoor:x:0:0:::\n'),
    ).toEqual(
      new Map([
        [0, 'root'],
        [1000, 'dev'],
      ]),
    );
  });
});

describe('this machine', () => {
  it('shows this process, with its owner and its arguments', async () => {
    const { processes, total } = await listProcesses(machinePaths, { sort: 'memory', limit: 200 });
    const own = processes.find(({ pid }) => pid === process.pid);
    expect(own?.parentPid).toBe(process.ppid);
    expect(own?.residentBytes).toBeGreaterThan(10_000_000);
    expect(total).toBeGreaterThanOrEqual(processes.length);
    const sizes = processes.map(({ residentBytes }) => residentBytes);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  });

  it('has memory, a root file system and a CPU', async () => {
    const source = createMetricsSource(machinePaths, () => performance.now());
    expect((await source.read()).cpu.usedShare).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 600));
    const { cpu, memory, disks } = await source.read();
    expect(cpu.usedShare).toBeGreaterThanOrEqual(0);
    expect(cpu.usedShare).toBeLessThanOrEqual(1);
    expect(memory.totalBytes).toBeGreaterThan(memory.availableBytes);
    expect(disks.map(({ mount }) => mount)).toContain('/');
    expect(readFileSync('/proc/stat', 'utf8').match(/^cpu\d/gm)?.length).toBeGreaterThanOrEqual(
      Math.floor(cpu.cores),
    );
  });
});
