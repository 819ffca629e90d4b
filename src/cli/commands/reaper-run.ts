import { runReaper } from '../../app/run-reaper.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { durationOrOff, flag, text } from '../parameters.ts';
import { describeReaped, reapToJson } from '../render/reap.ts';

export const reaperRun = defineCommand({
  name: 'reaper run',
  summary: 'reap again and again, until it is stopped',
  details: [
    'For a machine that is always on. Several may run for one account: they agree through the provider. With --listen it answers ' +
      '/healthz, and /metrics for Prometheus, to this computer alone. It ends with SIGTERM; what is half destroyed then is finished ' +
      'by the next one.',
  ],
  arguments: {},
  options: {
    every: durationOrOff('how often; 5m'),
    listen: text('ADDRESS', 'a loopback address and a port: 127.0.0.1:9775'),
    provider: text('PROVIDER', 'at which, several separated by commas', { complete: 'providers' }),
    owner: text('OWNER', 'machines of this owner only'),
    dryRun: flag('say what would be destroyed, and destroy nothing'),
  },
  examples: [
    { command: 'spuff reaper run --provider hetzner --every 2m', about: 'look every two minutes' },
    { command: 'spuff reaper run --listen 127.0.0.1:9775', about: 'with health and metrics' },
  ],
  json: 'reap',
  onStop: 'stopping',
  run: async ({ options }, cli) => {
    if (options.every === null) throw new SpuffError('usage', '--every needs a length of time');
    await runReaper(cli.context, {
      providers: options.provider?.split(',').map((name) => name.trim()) ?? null,
      owner: options.owner ?? null,
      dryRun: options.dryRun,
      everyMs: options.every ?? 5 * 60_000,
      listen: options.listen === undefined ? null : readAddress(options.listen),
      onListening: (address) => cli.say(`listening at ${address}`),
      onReport: (report) => {
        if (cli.flags.json) return cli.printJson(reapToJson(report));
        const nowMs = cli.context.runtime.now();
        for (const machine of report.machines.filter(({ outcome }) => outcome !== 'kept')) {
          const name = machine.name ?? machine.key ?? machine.id;
          const [outcome, why] = describeReaped(machine, nowMs);
          cli.print(`${machine.provider} ${name}: ${outcome}, ${why}`);
        }
        for (const { provider, error } of report.failures)
          cli.say(
            `${provider} could not be asked: ${error instanceof Error ? error.message : String(error)}`,
          );
      },
    });
  },
});

function readAddress(written: string): { host: string; port: number } {
  const [, host, port] = /^(\[[0-9a-f:]+\]|[a-z0-9.-]+):(\d{1,5})$/.exec(written) ?? [];
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new SpuffError('usage', `${JSON.stringify(written)} is not an address and a port`, {
    hints: ['write both: --listen 127.0.0.1:9775'],
  });
}
