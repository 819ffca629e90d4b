import { reapOnce } from '../../app/reap.ts';
import type { ReapedMachine, ReapReport } from '../../app/reap-run.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, text } from '../parameters.ts';
import { describeReaped, reapToJson } from '../render/reap.ts';
import { formatTable } from '../render/text.ts';
import { SeveralErrors } from '../several-errors.ts';

export const reap = defineCommand({
  name: 'reap',
  summary: 'destroy machines whose lease is over, or that switched themselves off',
  details: [
    'Goes by what stands on the machines at the provider, and needs nothing of this computer: it works in an empty home, and ' +
      'for machines of others who share the account. It never touches what lacks the label or the key of spuff, what another ' +
      'spuff is at work on, and what is not certain. A machine that was switched off through the provider stays until its deadline.',
    'The disk of a machine that was made with on_idle: snapshot is kept first. The exit status says whether all went well.',
  ],
  arguments: {},
  options: {
    once: flag('one look, and what is due: what it does anyhow; for scripts that say so'),
    provider: text(
      'PROVIDER',
      'at which, several separated by commas; those of the settings and of your instances',
      {
        complete: 'providers',
      },
    ),
    owner: text('OWNER', 'machines of this owner only'),
    dryRun: flag('say what would be destroyed, and destroy nothing'),
  },
  examples: [
    { command: 'spuff reap --dry-run', about: 'what is due' },
    { command: 'spuff reap --once --provider hetzner,digitalocean --json', about: 'as a scheduled job' },
  ],
  json: 'reap',
  onStop: 'stopping; the next run finishes what is left half destroyed',
  run: async ({ options }, cli) => {
    const report = await reapOnce(cli.context, {
      providers: options.provider?.split(',').map((name) => name.trim()) ?? null,
      owner: options.owner ?? null,
      dryRun: options.dryRun,
    });
    if (cli.flags.json) cli.printJson(reapToJson(report));
    else print(cli, report);
    const failure = failureOf(report);
    if (failure !== null) throw failure;
  },
});

function print(cli: Cli, { machines, leftovers }: ReapReport): void {
  const nowMs = cli.context.runtime.now();
  if (machines.length > 0) {
    const rows = machines.map((machine) => [
      machine.name ?? machine.key ?? machine.id,
      machine.provider,
      machine.state,
      ...describeReaped(machine, nowMs),
    ]);
    const header = ['NAME', 'PROVIDER', 'STATE', 'OUTCOME', 'WHY', 'COST'];
    cli.print(formatTable(rows, { header, paint: cli.paint }));
  }
  for (const { kind, name, provider } of leftovers) cli.print(`swept up at ${provider}: ${kind} ${name}`);
  if (machines.length + leftovers.length === 0) cli.say('there is nothing of spuff to reap');
}

/** What went wrong, machine by machine; the first one's code is the exit status. */
function failureOf({ machines, failures }: ReapReport): unknown {
  const failed = machines.filter((machine): machine is ReapedMachine => machine.outcome === 'failed');
  const errors = [
    ...failures.map(({ provider, error }) => ({ name: provider, error })),
    ...failed.map(({ name, key, id, error }) => ({ name: name ?? key ?? id, error })),
  ];
  const known = errors.flatMap(({ name, error }) => (error instanceof SpuffError ? [{ name, error }] : []));
  if (known.length === 0) return null;
  return new SeveralErrors(known);
}
