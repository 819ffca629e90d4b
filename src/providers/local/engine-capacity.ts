import type Dockerode from 'dockerode';
import { archOf } from './image-lookup.ts';

/** What the engine's computer has (on a Mac: its virtual machine), and what the engine can do with it. */
export interface EngineCapacity {
  cpus: number;
  memoryMiB: number;
  arch: 'x86_64' | 'arm64';
  /** Which limits the engine can hold a machine to; without root it often lacks one. */
  limits: { cpus: boolean; memory: boolean; processes: boolean };
  /** Whether it confines containers with AppArmor. */
  apparmor: boolean;
}

export async function readCapacity(docker: Dockerode): Promise<EngineCapacity> {
  const info: unknown = await docker.info();
  const answer = typeof info === 'object' && info !== null ? (info as Record<string, unknown>) : {};
  const security = Array.isArray(answer['SecurityOptions']) ? answer['SecurityOptions'] : [];
  return {
    cpus: typeof answer['NCPU'] === 'number' ? answer['NCPU'] : 1,
    memoryMiB: Math.floor((typeof answer['MemTotal'] === 'number' ? answer['MemTotal'] : 0) / 1_048_576),
    arch: archOf(typeof answer['Architecture'] === 'string' ? answer['Architecture'] : ''),
    limits: {
      cpus: answer['CpuCfsQuota'] !== false,
      memory: answer['MemoryLimit'] !== false,
      processes: answer['PidsLimit'] !== false,
    },
    apparmor: security.some(
      (option) => typeof option === 'string' && /(?:^|,)name=apparmor(?:,|$)/.test(option),
    ),
  };
}

/** The limits that the engine can't hold a machine to, in words. */
export function missingLimits({ limits }: EngineCapacity): string[] {
  return [
    ...(limits.cpus ? [] : ['a limit on processors (control group cpu)']),
    ...(limits.memory ? [] : ['a limit on memory (control group memory)']),
    ...(limits.processes ? [] : ['a limit on processes (control group pids)']),
  ];
}
