import { systemRuntime } from '../../src/lib/clock.ts';
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
      await runOnMachine(vm, ['systemctl', 'poweroff']);
    },
    cleanUp: () => cleanUp(made, provider),
  } satisfies ConformanceHarness;
});
