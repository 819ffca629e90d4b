/** What the reaper does besides destroying machines: it ends the records of those that are gone, and sweeps up after them. */
import { keyTimeMs } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import type { Leftover, ProviderId, Vm } from '../domain/provider.ts';
import { findUnseenEnd } from './find-unseen-end.ts';
import { forgetWithReceipt } from './forget-instance.ts';
import { beginDown, type ReapedMachine, type ReapRun, throwIfBug } from './reap-run.ts';
import { removeMachine } from './remove-machine.ts';
import { unmountAll } from './volumes.ts';

/** Beyond what a provider's list may lag, and what an order takes. */
const orderMs = 15 * 60_000;

/**
 * Instances whose machine has ended by itself, as an idle one does on AWS: what is left of them goes, and the record too.
 * @param known those that were in the state before the provider was asked
 */
export async function endGoneInstances(
  run: ReapRun,
  known: readonly Instance[],
  listed: readonly Vm[],
): Promise<ReapedMachine[]> {
  const there = new Set(listed.map(({ key }) => key));
  const ended: ReapedMachine[] = [];
  for (const instance of known) {
    if (there.has(instance.key) || instance.vmId === null || isYoung(run, instance)) continue;
    const told: ReapedMachine = {
      ...{ provider: run.provider.id, id: instance.vmId, key: instance.key, name: instance.name },
      ...{ state: 'gone', outcome: 'to-be-destroyed', why: 'gone', until: null },
      ...{ snapshot: null, receipt: null, error: null },
    };
    try {
      const end = run.request.dryRun ? {} : await endInstance(run, instance);
      if (end !== null) ended.push({ ...told, ...end });
    } catch (error) {
      throwIfBug(run.context, error);
      ended.push({ ...told, outcome: 'failed', error });
    }
  }
  return ended;
}

function isYoung({ context }: ReapRun, { createdAt }: Instance): boolean {
  return context.runtime.now() - createdAt.getTime() < orderMs;
}

/** null where another process is at work on it, or it is there after all. */
async function endInstance(run: ReapRun, instance: Instance): Promise<Partial<ReapedMachine> | null> {
  const { state, provider, clock, context } = run;
  const { key, phase } = instance;
  if (state === null || state.getInstance(key) === null || state.findOperation(key)?.ownerAlive) return null;
  // One that is half made may be ordered anew by who goes on with it.
  if (phase === 'creating') return null;
  if ((await provider.find(key, clock.options(60_000))) !== null) return null;
  const operation = beginDown(state, key);
  if (operation === null) return null;
  try {
    await removeMachine(provider, instance, clock.options(5 * 60_000));
    const why = phase === 'destroying' ? 'interrupted-down' : 'gone';
    const ended = await findUnseenEnd(provider, instance, clock);
    const end = { vm: null, ...ended, by: 'reap', why, snapshot: null } as const;
    const receipt = forgetWithReceipt(state, instance, end);
    await unmountAll(context, instance);
    await (await context.ssh()).forget(key);
    return { outcome: 'gone', receipt };
  } catch (error) {
    state.endOperation(operation.id, 'failed');
    throw error;
  }
}

/**
 * The time in a key is a laptop's, which may be a day wrong; and a firewall is there before its machine. What is older than
 * this and has no machine will get none.
 */
const oldEnoughMs = 26 * 3_600_000;

/** What costs nothing to lose. A volume may hold something, and a machine is judged by its lease. */
const sweepable: readonly Leftover['kind'][] = ['firewall', 'nic', 'ip', 'sshkey'];

/** What dead machines have left behind, of whoever they were: only in a run that is for all owners. */
export async function sweepLeftovers(
  run: ReapRun,
  listed: readonly Vm[],
): Promise<(Leftover & { provider: ProviderId })[]> {
  const { provider, clock, request, state } = run;
  if (request.owner !== null) return [];
  const alive = new Set(listed.map(({ key }) => key));
  const swept: (Leftover & { provider: ProviderId })[] = [];
  for await (const leftover of provider.leftovers(null, clock.options(60_000))) {
    const { key, kind } = leftover;
    if (key === null || !sweepable.includes(kind) || alive.has(key) || state?.getInstance(key)) continue;
    const { nowMs, slackMs } = clock.read();
    if (nowMs - slackMs - keyTimeMs(key) < oldEnoughMs) continue;
    if (!request.dryRun) await provider.removeLeftover(leftover, clock.options(60_000));
    swept.push({ ...leftover, provider: provider.id });
  }
  return swept;
}
