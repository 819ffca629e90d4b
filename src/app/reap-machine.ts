/** The end of one machine that the reaper has judged: snapshot, destruction, proof, receipt. */
import type { InstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import { type Tariff, tariffOf } from '../domain/money.ts';
import type { Vm } from '../domain/provider.ts';
import { makeReceipt, type Receipt } from '../domain/receipt.ts';
import type { StateStore } from '../domain/state.ts';
import { forgetWithReceipt } from './forget-instance.ts';
import { keepDisk } from './keep-disk.ts';
import { judge } from './reap-judge.ts';
import { beginDown, type JudgedMachine, type ReapRun, tellOf, tryAgain } from './reap-run.ts';
import { removeMachine } from './remove-machine.ts';
import { rescueBeforeReap } from './rescue-before-end.ts';
import { retainSnapshots } from './retain-snapshots.ts';
import { unmountAll } from './volumes.ts';

/**
 * Looks once more, because its lease may have been extended and another reaper may have been quicker, and then destroys.
 * @throws what the provider says
 */
export async function destroyJudged(run: ReapRun, judged: JudgedMachine): Promise<JudgedMachine> {
  const { provider, clock } = run;
  const { key } = judged.vm;
  const vm = await provider.get(judged.vm.id, clock.options(60_000));
  if (vm === null || key === null) return tellOf(run, judged.vm, { outcome: 'gone', why: 'gone' });
  const now = await judge(run, vm);
  if (now.outcome !== 'to-be-destroyed' || run.request.dryRun) return now;
  const instance = run.state?.getInstance(key) ?? null;
  const operation = instance && run.state && beginDown(run.state, key);
  if (instance && run.state && operation === null) return tellOf(run, vm, { why: 'at-work' });
  const step = run.context.progress.start(`${nameOf(vm, instance)} destroyed (${now.why})`);
  try {
    const rescue = await rescueBeforeReap(run.context, instance, vm.state === 'running');
    const snapshot = now.snapshotFirst ? await keepDisk(run, now, key) : null;
    if (instance) run.state?.updateInstance(key, { phase: 'destroying' });
    // Between two reapers the first request that finds no machine tells: it is the other's, and so is the receipt.
    let wasThere = false;
    await tryAgain(run, async () => {
      const of = removal(vm, key, instance);
      const onFound = () => {
        wasThere = true;
      };
      await removeMachine(provider, of, clock.options(5 * 60_000), onFound);
    });
    if (!wasThere && instance === null) {
      step.done();
      return tellOf(run, vm, { outcome: 'gone', why: 'gone', snapshot });
    }
    const receipt = await settle(run, { ...now, snapshot, rescue }, key, instance);
    step.done();
    if (snapshot !== null && run.state && vm.instanceName !== null)
      await retainSnapshots(run.context, provider, { instanceName: vm.instanceName, state: run.state });
    return tellOf(run, vm, { outcome: 'destroyed', why: now.why, snapshot, receipt });
  } catch (error) {
    step.fail();
    if (operation) run.state?.endOperation(operation.id, 'failed');
    throw error;
  }
}

function nameOf({ instanceName, name }: Vm, instance: Instance | null): string {
  return instance?.name ?? instanceName ?? name;
}

function removal(
  vm: Vm,
  key: InstanceKey,
  instance: Instance | null,
): Pick<Instance, 'key' | 'name' | 'vmId'> {
  return { key, name: nameOf(vm, instance), vmId: vm.id };
}

/** What is left to do when the provider has said that the machine is gone. */
async function settle(
  run: ReapRun,
  { vm, why, snapshot, rescue }: JudgedMachine & Pick<Receipt, 'rescue'>,
  key: InstanceKey,
  instance: Instance | null,
): Promise<Receipt | null> {
  const { state, clock, context } = run;
  const endedAt = new Date(clock.read().nowMs);
  const reason = why === 'interrupted-down' || why === 'past-deadline' ? why : 'off-by-itself';
  if (instance && state) {
    const receipt = forgetWithReceipt(state, instance, {
      vm,
      endedAt,
      by: 'reap',
      why: reason,
      snapshot,
      rescue,
    });
    await unmountAll(context, instance);
    const ssh = await context.ssh();
    await ssh.disconnect(instance);
    await ssh.forget(key);
    return receipt;
  }
  const { id: vmId, region, size, createdAt } = vm;
  const receipt = makeReceipt({
    ...{ key, name: vm.instanceName ?? key, provider: run.provider.id, region, size, vmId },
    ...{ directory: null, by: 'reap', why: reason, createdAt, endedAt, snapshot },
    assumedEndAt: null,
    tariff: await findTariff(run, size),
  });
  return keepReceipt(run, state, receipt) ? receipt : null;
}

/** @returns whether it is the first of its machine, or there is nowhere to look */
function keepReceipt({ context }: ReapRun, state: StateStore | null, receipt: Receipt): boolean {
  if (state === null) return true;
  try {
    return state.addReceipt(receipt);
  } catch (error) {
    // The machine is gone, whatever comes of writing that down.
    context.progress.warn(
      `the receipt of ${receipt.name} could not be written: ${error instanceof Error ? error.message : String(error)}`,
    );
    return true;
  }
}

/** The price of today, for a machine that no state knows the price of. */
async function findTariff({ provider, clock }: ReapRun, size: string): Promise<Tariff | null> {
  if (provider.caps.billing === null) return null;
  try {
    const { sizes } = await provider.catalog(clock.options(60_000));
    return tariffOf(sizes.find(({ id }) => id === size)?.hourly ?? null, provider.caps.billing);
  } catch {
    return null;
  }
}
