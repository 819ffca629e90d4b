import type { Vm } from '../../src/domain/provider.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { runProcess } from '../../src/lib/process.ts';
import { cleanUp, makeSpec, openProvider, within } from '../machine/lab.ts';
import { runOnMachine } from '../machine/run-on-machine.ts';
import { type ConformanceHarness, describeProviderConformance } from './provider-conformance.ts';

describeProviderConformance('local, on a real engine', async () => {
  const provider = openProvider();
  const made: ReturnType<typeof makeSpec>['key'][] = [];
  return {
    provider,
    makeSpec(change) {
      const spec = makeSpec(change);
      made.push(spec.key);
      return spec;
    },
    within: (timeoutMs, change) => ({ ...within(timeoutMs), ...change }),
    machineTimeoutMs: 60_000,
    letPass: (ms) => systemRuntime.sleep(ms, new AbortController().signal),
    powerOff: async (vm) => {
      await untilBooted(vm);
      await runOnMachine(vm, ['systemctl', 'poweroff']);
    },
    stopFromOutside: async (vm) => {
      await untilBooted(vm);
      await runProcess(['docker', 'stop', vm.id], { timeoutMs: 60_000 });
    },
    cleanUp: () => cleanUp(made, provider),
  } satisfies ConformanceHarness;
});

/** A systemd that is not up yet hears neither the engine nor anybody on the machine. */
async function untilBooted(vm: Vm): Promise<void> {
  while ((await runOnMachine(vm, ['systemctl', 'is-system-running', '--wait'])).stdout.trim() === '')
    await systemRuntime.sleep(200, new AbortController().signal);
}
