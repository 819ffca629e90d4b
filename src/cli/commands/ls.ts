import { type ListedInstance, listInstances, refreshInstances } from '../../app/list-instances.ts';
import { remarkOnUntracked, type UntrackedMachine } from '../../app/untracked-machines.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Instance } from '../../domain/instance.ts';
import { costOf, formatMoney } from '../../domain/money.ts';
import type { Money } from '../../domain/provider.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../parameters.ts';
import { instanceToJson, stateOf } from '../render/instance.ts';
import { formatMoment, formatTable } from '../render/text.ts';

export const ls = defineCommand({
  name: 'ls',
  summary: 'list the instances',
  details: [
    'Reads what spuff has written down, without asking any provider: each line says when its state ' +
      'was last checked. With --refresh the providers are asked, also for machines of yours that spuff has ' +
      'not written down, as after a damaged state: such a machine is listed by its key, and spuff down KEY destroys it.',
  ],
  arguments: {},
  options: { refresh: flag('ask the providers for the state of each instance', { short: 'r' }) },
  examples: [
    { command: 'spuff ls', about: 'what there is' },
    { command: 'spuff ls --refresh', about: 'what there is, as the providers say at this moment' },
    { command: 'spuff ls --json', about: 'the same for a program' },
  ],
  json: 'instances',
  run: async ({ options }, cli) => {
    const refreshed = options.refresh ? await refreshInstances(cli.context) : null;
    const instances = refreshed?.instances ?? (await listInstances(cli.context));
    const untracked = refreshed?.untracked ?? [];
    if (cli.flags.json) {
      const nowMs = cli.context.runtime.now();
      const listed = instances.map((one) => toJson(one, nowMs));
      const asked = refreshed && { untracked: untracked.map(untrackedToJson) };
      cli.printJson({ version: 1, instances: listed, ...asked });
    } else printTable(cli, instances, untracked);
    const [failure] = refreshed?.failures ?? [];
    if (failure) throw describeFailure(failure);
  },
});

function printTable(
  cli: Cli,
  instances: readonly ListedInstance[],
  untracked: readonly UntrackedMachine[],
): void {
  if (instances.length + untracked.length === 0) {
    cli.say('no instances; make one: spuff up');
    return;
  }
  const nowMs = cli.context.runtime.now();
  // A column for what costs nothing would say nothing.
  const costs = instances.some(({ instance }) => instance.tariff) || untracked.some(({ vm }) => vm.billed);
  const columns = ['NAME', 'STATE', 'PROVIDER', 'REGION', 'SIZE', 'AGE', 'LEASE ENDS'];
  const header = [...columns, ...(costs ? ['COST'] : []), 'CHECKED'];
  const rows = [
    ...instances.map(({ instance }) => [
      instance.name,
      stateOf(instance),
      ...whereAndWhen(instance, nowMs),
      ...(costs ? [describeCost(instance, nowMs)] : []),
      instance.vmState === null ? 'never' : formatMoment(instance.vmState.checkedAt, nowMs),
    ]),
    ...untracked.map(({ key, provider, vm }) => [
      key,
      vm.state,
      ...whereAndWhen({ ...vm, provider }, nowMs),
      ...(costs ? [vm.billed ? 'not known' : ''] : []),
      formatMoment(new Date(nowMs), nowMs),
    ]),
  ];
  cli.print(formatTable(rows, { header, paint: cli.paint }));
  for (const { instance, remarks } of instances) {
    for (const remark of remarks) cli.say(`${instance.name}: ${remark}`);
  }
  for (const machine of untracked) cli.say(`${machine.key}: ${remarkOnUntracked(machine)}`);
}

/** What it has cost until now, by the price that it was made at. */
function costSoFar({ tariff, createdAt }: Instance, nowMs: number): Money | null {
  return tariff === null ? null : costOf(tariff, nowMs - createdAt.getTime());
}

function describeCost(instance: Instance, nowMs: number): string {
  const cost = costSoFar(instance, nowMs);
  return cost === null ? '' : formatMoney(cost);
}

function whereAndWhen(
  of: Pick<Instance, 'provider' | 'region' | 'size' | 'createdAt' | 'expiresAt'>,
  nowMs: number,
): string[] {
  return [
    of.provider,
    of.region,
    of.size,
    formatMoment(of.createdAt, nowMs).replace(/ ago$/, ''),
    of.expiresAt === null ? 'never' : formatMoment(of.expiresAt, nowMs),
  ];
}

function untrackedToJson(machine: UntrackedMachine): object {
  const { key, provider, vm } = machine;
  return {
    key,
    instanceName: vm.instanceName,
    provider,
    vmId: vm.id,
    vmState: vm.state,
    region: vm.region,
    size: vm.size,
    billed: vm.billed,
    createdAt: vm.createdAt.toISOString(),
    expiresAt: vm.expiresAt?.toISOString() ?? null,
    remarks: [remarkOnUntracked(machine)],
  };
}

function toJson({ instance, remarks }: ListedInstance, nowMs: number): object {
  return { ...instanceToJson(instance), costSoFar: costSoFar(instance, nowMs), remarks };
}

/** The list is printed all the same; the exit status says that some of it is old. */
function describeFailure({ provider, error }: { provider: string; error: unknown }): unknown {
  if (!(error instanceof SpuffError)) return error;
  return new SpuffError(error.code, `what ${provider} has is as old as the list says: ${error.message}`, {
    hints: error.hints,
    cause: error,
  });
}
