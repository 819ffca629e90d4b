/**
 * The contract of `src/domain/provider.ts` as tests. A cloud's provider runs them over a simulator or the cloud itself,
 * the local one over a real engine. They go by capabilities and never by a provider's name.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import type { CallOptions, Provider, Vm, VmSpec } from '../../src/domain/provider.ts';
import { describeCallEnds } from './conformance-calls.ts';
import { describeFacts } from './conformance-facts.ts';
import { describeLifecycle } from './conformance-lifecycle.ts';
import { describeOffAndExpiry } from './conformance-off.ts';
import { describeRefusals } from './conformance-refusals.ts';
import { describeSnapshots } from './conformance-snapshots.ts';

export interface ConformanceHarness {
  provider: Provider;
  /** A spec that the provider takes, with a key of its own. */
  makeSpec(change?: Partial<VmSpec>): VmSpec;
  /** Options for a call that may take `timeoutMs` of the provider's time. */
  within(timeoutMs: number, change?: Partial<CallOptions>): CallOptions;
  /** How long a machine may take to run, to stop and to go. */
  machineTimeoutMs: number;
  /** Lets so much of the provider's time pass. */
  letPass(ms: number): Promise<void>;
  /** Has the machine power itself off from inside. */
  powerOff(vm: Vm): Promise<void>;
  /** Has it switched off through the provider, as its console does. */
  stopFromOutside(vm: Vm): Promise<void>;
  /** Removes all that the tests made. */
  cleanUp(): Promise<void>;
}

/** Gives the harness once it is made; tests ask for it inside. */
export type HarnessGetter = () => ConformanceHarness;

/** Declares the whole suite. `makeHarness` runs once. */
export function describeProviderConformance(
  name: string,
  makeHarness: () => Promise<ConformanceHarness>,
): void {
  describe(`provider conformance: ${name}`, () => {
    let harness: ConformanceHarness | undefined;
    const get: HarnessGetter = () => {
      if (harness) return harness;
      throw new Error('the harness is not made yet');
    };
    beforeAll(async () => {
      harness = await makeHarness();
    });
    afterAll(async () => {
      await harness?.cleanUp();
    });
    describeFacts(get);
    describeRefusals(get);
    describeCallEnds(get);
    describeLifecycle(get);
    describeOffAndExpiry(get);
    describeSnapshots(get);
  });
}
