/** The steps of `up`, in their order. Each is safe to repeat; what one leaves behind, its `undo` removes. */
import { firstBootReportPath } from '../bootstrap/hardening-scripts.ts';
import { SpuffError } from '../domain/errors.ts';
import { formatMoney } from '../domain/money.ts';
import type { CallOptions, Vm } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { callOptions } from './context.ts';
import { correctDeadline } from './correct-deadline.ts';
import { priceIn } from './plan-price.ts';
import { watchClock } from './provider-clock.ts';
import type { Step } from './saga.ts';
import { sshTargetOf } from './select-instance.ts';
import { change, specOf, type UpRun } from './up-run.ts';

const minuteMs = 60_000;

/** Machines that start from an image the user builds need it first; it is kept for the next time. */
const prepareImage: Step<UpRun> = {
  name: 'image',
  title: 'base image',
  async run({ context, provider, instance }, progress) {
    const base = provider.defaults.image;
    const wantsBase =
      instance.image.kind === 'slug' && base.kind === 'slug' && instance.image.slug === base.slug;
    if (!provider.images || !wantsBase) return;
    await provider.images.build({ ...deadlineIn(context, 30), onLine: (line) => progress.update(line) });
  },
};

const createMachine: Step<UpRun> = {
  name: 'create',
  title: 'machine ordered',
  async run(run) {
    const vm = await orderMachine(run, deadlineIn(run.context, 5));
    change(run, {
      vmId: vm.id,
      arch: vm.arch,
      ssh: vm.ssh,
      vmState: { state: vm.state, checkedAt: now(run) },
    });
  },
  async undo(run) {
    const { removeMachine } = await import('./remove-machine.ts');
    const options = deadlineIn({ ...run.context, signal: new AbortController().signal }, 5);
    if (run.isOrderOpen) await awaitSight(run, options);
    await removeMachine(run.provider, run.instance, options);
  },
};

const sightPolicy = { firstDelayMs: 1_000, factor: 1.3, maxDelayMs: 5_000, jitter: 0.2 };

/**
 * Looks for the machine until lists must show it. One that was ordered, and that nobody heard of, would else be taken for none
 * and cost money.
 */
async function awaitSight({ context, provider, instance }: UpRun, options: CallOptions): Promise<void> {
  const { listLagSeconds } = provider.caps;
  if (!(listLagSeconds > 0)) return;
  context.progress.note(
    `whether ${instance.name} was ordered is not known: looking for it, for ${listLagSeconds} s at most`,
  );
  const { poll } = await import('../lib/retry.ts');
  await poll(async () => (await provider.find(instance.key, options)) ?? undefined, {
    ...{ policy: sightPolicy, runtime: context.runtime, signal: options.signal },
    // The last look must come after the lag.
    deadlineMs: context.runtime.now() + listLagSeconds * 1_000 + sightPolicy.maxDelayMs,
  });
}

/** Whether a machine may be there all the same: only the provider's own refusal says that there is none. */
function mayBeThere(error: unknown): boolean {
  const unsure = ['ambiguous', 'network', 'timeout', 'server', 'protocol'];
  return !(error instanceof ProviderError) || unsure.includes(error.providerCode);
}

/**
 * After first contact there is nothing left to order a machine with: the one-time key is gone. Then there is one, or an
 * earlier run has lost it.
 */
async function orderMachine(run: UpRun, options: CallOptions): Promise<Vm> {
  const { instance, provider } = run;
  if (instance.hostIdentity.phase === 'booting') return createWhereThereIsRoom(run, options);
  const found = await provider.find(instance.key, options);
  if (found) return found;
  throw new SpuffError('conflict', `the machine of ${instance.name}, half made by an earlier run, is gone`, {
    hints: [`make it anew: spuff up ${instance.name}`],
  });
}

/** Each region that is tried is on record before: a run that is killed goes on there, and not somewhere else. */
async function createWhereThereIsRoom(run: UpRun, options: CallOptions): Promise<Vm> {
  const { otherRegions } = run.inputs;
  for (;;) {
    const { instance, provider, context } = run;
    const spec = await specOf(instance, run.inputs, provider);
    try {
      return await provider.create(spec, options);
    } catch (error) {
      run.isOrderOpen = mayBeThere(error);
      const next = otherRegions[otherRegions.indexOf(instance.region) + 1];
      if (!(error instanceof ProviderError) || error.providerCode !== 'capacity' || next === undefined)
        throw error;
      context.progress.note(`${instance.region} has no room for ${instance.size}: trying ${next}`);
      await moveTo(run, next);
    }
  }
}

/** With the price that is asked there: the record has one of another region. */
async function moveTo(run: UpRun, region: string): Promise<void> {
  const { context, provider, instance, inputs } = run;
  const tariff = await priceIn(context, provider, { size: instance.size, region, spot: inputs.spot });
  if (tariff === null && provider.caps.billing !== null)
    context.progress.warn(`what ${instance.size} costs in ${region} is not known`);
  else if (tariff !== null) context.progress.note(`in ${region}: ${formatMoney(tariff.hourly, 5)} an hour`);
  change(run, { region, tariff });
}

const awaitAddress: Step<UpRun> = {
  name: 'address',
  title: 'machine running',
  async run(run) {
    if (run.instance.vmId === null) throw new TypeError('a machine without an id has no address');
    const clock = watchClock(run.context, run.provider);
    const vm = await run.provider.waitFor(run.instance.vmId, 'running', clock.options(10 * minuteMs));
    if (!vm?.ssh) {
      throw new ProviderError(
        'action-failed',
        'the provider reports the machine as running, but gives no address for it',
        {
          provider: run.provider.id,
          op: 'waitFor',
          retryable: true,
        },
      );
    }
    change(run, { ssh: vm.ssh, vmState: { state: vm.state, checkedAt: now(run) } });
    await correctDeadline(run, vm, clock);
  },
};

/** Nothing is sent to the machine before this has proved whose it is. */
const establishIdentity: Step<UpRun> = {
  name: 'identity',
  title: 'host key verified and replaced',
  async run(run, progress) {
    const hostIdentity = await run.ssh.establishIdentity(
      sshTargetOf(run.instance),
      (identity) => change(run, { hostIdentity: identity }),
      {
        ...deadlineIn(run.context, 10),
        onProgress: (what) => progress.update(what),
        // The firewall and sshd's settings are in force before sshd lets anyone in; this asks whether that went well.
        firstCommands: [['grep', '-qx', 'ok', firstBootReportPath]],
      },
    );
    change(run, { hostIdentity });
  },
  async undo(run) {
    await run.ssh.forget(run.instance.key);
  },
};

const installAgent: Step<UpRun> = {
  name: 'agent',
  title: 'spuff-agent running, lease armed',
  async run(run, progress) {
    const { installAgentOn } = await import('./agent-install.ts');
    change(run, { agent: await installAgentOn(run.context, run.instance, (what) => progress.update(what)) });
  },
};

/** Ready means that cloud-init has ended without an error and the hardening is seen to be in force. */
const finishFirstBoot: Step<UpRun> = {
  name: 'first-boot',
  title: 'first boot finished, hardening in force',
  async run(run, progress) {
    const { awaitFirstBoot } = await import('./first-boot.ts');
    await awaitFirstBoot(run.context, run.instance, (what) => progress.update(what));
  },
};

const hardenMachine: Step<UpRun> = {
  name: 'harden',
  title: 'provider-side hardening',
  async run(run) {
    if (run.instance.vmId !== null)
      await run.provider.harden?.(run.instance.vmId, deadlineIn(run.context, 2));
  },
};

/** The steps that apply to this provider and image. */
export function upSteps({ provider }: Pick<UpRun, 'provider'>): readonly Step<UpRun>[] {
  return [
    ...(provider.images ? [prepareImage] : []),
    createMachine,
    awaitAddress,
    establishIdentity,
    installAgent,
    finishFirstBoot,
    ...(provider.harden ? [hardenMachine] : []),
  ];
}

function deadlineIn(context: Parameters<typeof callOptions>[0], minutes: number): CallOptions {
  return callOptions(context, minutes * minuteMs);
}

function now(run: UpRun): Date {
  return new Date(run.context.runtime.now());
}
