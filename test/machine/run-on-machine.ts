import type { Vm } from '../../src/domain/provider.ts';
import { type ProcessResult, runProcess } from '../../src/lib/process.ts';

/** Runs a program as root on a local machine, past sshd: through the engine, with the engine's own client. */
export function runOnMachine(
  vm: Pick<Vm, 'name'>,
  argv: readonly string[],
  stdin?: string,
): Promise<ProcessResult> {
  const options = stdin === undefined ? {} : { stdin };
  return runProcess(['docker', 'exec', ...(stdin === undefined ? [] : ['-i']), vm.name, ...argv], {
    timeoutMs: 60_000,
    ...options,
  });
}
