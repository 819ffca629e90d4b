import { type ListedInstance, listInstances, refreshInstances } from '../../app/list-instances.ts';
import { SpuffError } from '../../domain/errors.ts';
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
      'was last checked. With --refresh the providers are asked.',
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
    const { instances, failures } = options.refresh
      ? await refreshInstances(cli.context)
      : { instances: await listInstances(cli.context), failures: [] };
    if (cli.flags.json) cli.printJson({ version: 1, instances: instances.map(toJson) });
    else printTable(cli, instances);
    const [failure] = failures;
    if (failure) throw describeFailure(failure);
  },
});

function printTable(cli: Cli, instances: readonly ListedInstance[]): void {
  if (instances.length === 0) {
    cli.say('no instances; make one: spuff up');
    return;
  }
  const nowMs = cli.context.runtime.now();
  const header = ['NAME', 'STATE', 'PROVIDER', 'REGION', 'SIZE', 'AGE', 'LEASE ENDS', 'CHECKED'];
  const rows = instances.map(({ instance }) => [
    instance.name,
    stateOf(instance),
    instance.provider,
    instance.region,
    instance.size,
    formatMoment(instance.createdAt, nowMs).replace(/ ago$/, ''),
    instance.expiresAt === null ? 'never' : formatMoment(instance.expiresAt, nowMs),
    instance.vmState === null ? 'never' : formatMoment(instance.vmState.checkedAt, nowMs),
  ]);
  cli.print(formatTable(rows, { header, paint: cli.paint }));
  for (const { instance, remarks } of instances) {
    for (const remark of remarks) cli.say(`${instance.name}: ${remark}`);
  }
}

function toJson({ instance, remarks }: ListedInstance): object {
  return { ...instanceToJson(instance), remarks };
}

/** The list is printed all the same; the exit status says that some of it is old. */
function describeFailure({ provider, error }: { provider: string; error: unknown }): unknown {
  if (!(error instanceof SpuffError)) return error;
  return new SpuffError(error.code, `what ${provider} has is as old as the list says: ${error.message}`, {
    hints: error.hints,
    cause: error,
  });
}
