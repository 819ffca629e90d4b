import { listOrphans, type Orphan, removeOrphan } from '../../app/orphans.ts';
import { errorCodes, SpuffError } from '../../domain/errors.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, text } from '../parameters.ts';
import { formatMoment, formatTable } from '../render/text.ts';
import { forEachName } from '../several-errors.ts';

export const orphans = defineCommand({
  name: 'orphans',
  summary: "list what bears spuff's labels and is not among your instances",
  details: [
    'Machines, also those of others who share the account, and firewalls, keys, volumes and addresses that a machine has ' +
      'left behind. With --remove all of it is destroyed, after a question.',
  ],
  arguments: {},
  options: {
    provider: text('PROVIDER', 'at which provider; the one of the settings', { complete: 'providers' }),
    remove: flag('destroy all that is listed'),
    force: flag('do not ask', { short: 'f' }),
  },
  examples: [
    { command: 'spuff orphans', about: 'what nobody thinks of any more' },
    {
      command: 'spuff orphans --provider hetzner --remove',
      about: 'look at it, and destroy it after a question',
    },
  ],
  json: 'orphans',
  onStop: 'stopping; the same command finds what is left',
  run: async ({ options }, cli) => {
    const provider = options.provider ?? (await cli.context.settings()).provider;
    const found = await listOrphans(cli.context, [provider]);
    if (!options.remove || !cli.flags.json) print(cli, found);
    if (!options.remove || found.length === 0) return 0;
    if (!options.force && !(await hasConsent(cli, found))) {
      cli.say('nothing was destroyed');
      return errorCodes.interrupted.exitStatus;
    }
    const byId = new Map(found.map((orphan) => [`${orphan.kind} ${orphan.id}`, orphan]));
    const { results, failure } = await forEachName([...byId.keys()], async (id) => {
      const orphan = byId.get(id) as Orphan;
      await remove(cli, orphan);
      return orphan;
    });
    if (cli.flags.json) print(cli, results);
    if (failure !== null) throw failure;
    return 0;
  },
});

async function remove(cli: Cli, orphan: Orphan): Promise<void> {
  const step = cli.context.progress.start(`${orphan.kind} ${orphan.name} removed`);
  try {
    await removeOrphan(cli.context, orphan);
    step.done();
  } catch (error) {
    step.fail();
    throw error;
  }
}

/** @throws SpuffError `usage` when there is nobody to ask */
async function hasConsent(cli: Cli, found: readonly Orphan[]): Promise<boolean> {
  if (cli.canAsk) return cli.services.questions.confirm(`Destroy all ${found.length}?`, false);
  throw new SpuffError('usage', 'nobody is there to ask whether all of it is to be destroyed', {
    hints: ['look at the list first, then add --force'],
  });
}

function print(cli: Cli, found: readonly Orphan[]): void {
  if (cli.flags.json) {
    cli.printJson({ version: 1, orphans: found.map(toJson) });
    return;
  }
  if (found.length === 0) {
    cli.say('there are none');
    return;
  }
  const nowMs = cli.context.runtime.now();
  const rows = found.map(({ kind, id, name, provider, instanceName, createdAt, billed }) => [
    kind,
    name,
    instanceName ?? '',
    provider,
    createdAt === null ? '' : formatMoment(createdAt, nowMs),
    billed ? 'yes' : 'no',
    id,
  ]);
  cli.print(
    formatTable(rows, {
      header: ['KIND', 'NAME', 'INSTANCE', 'PROVIDER', 'MADE', 'BILLED', 'ID'],
      paint: cli.paint,
    }),
  );
}

function toJson({ kind, id, name, key, billed, provider, instanceName, createdAt }: Orphan): object {
  return { kind, id, name, key, billed, provider, instanceName, createdAt: createdAt?.toISOString() ?? null };
}
