import { listSizes } from '../../app/list-sizes.ts';
import { formatBytes } from '../../domain/bytes.ts';
import { formatMoney } from '../../domain/money.ts';
import type { Size } from '../../domain/provider.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, text, wholeNumber } from '../parameters.ts';
import { formatTable } from '../render/text.ts';

export const sizes = defineCommand({
  name: 'sizes',
  summary: 'list the sizes of machines, the cheapest first',
  details: [
    'Prices are those of the provider, per hour, asked for at most once an hour, or once a day where the provider does ' +
      'not say what is sold out. What is sold out everywhere, or in the region that is asked for, is left out.',
  ],
  arguments: {},
  options: {
    provider: text('PROVIDER', 'of which provider; the one of the settings', { complete: 'providers' }),
    region: text('REGION', 'only what can be had there', { complete: 'regions' }),
    minCpu: wholeNumber('so many processors at least', { minimum: 1, maximum: 1_024 }),
    minMemory: wholeNumber('so many GB of memory at least', { minimum: 1, maximum: 65_536 }),
    gpu: flag('only those with a GPU'),
  },
  examples: [
    { command: 'spuff sizes', about: 'all that can be had' },
    {
      command: 'spuff sizes --min-cpu 8 --min-memory 16',
      about: 'for a heavy build; the first is the cheapest',
    },
    { command: 'spuff sizes --provider hetzner --region fsn1', about: 'of another provider, in one place' },
    { command: 'spuff sizes --gpu --json', about: 'for a program' },
  ],
  json: 'sizes',
  run: async ({ options }, cli) => {
    const { provider, sizes: found } = await listSizes(cli.context, options);
    if (cli.flags.json) cli.printJson({ version: 1, provider, sizes: found.map(toJson) });
    else if (found.length === 0) cli.say(`${provider} has nothing like that; ask for less: spuff sizes`);
    else printTable(cli, found);
  },
});

function printTable(cli: Cli, found: readonly Size[]): void {
  const rows = found.map((size) => [
    size.id,
    String(size.vcpus),
    formatBytes(size.memoryMiB * 1024 ** 2),
    size.diskGiB === null ? '' : formatBytes(size.diskGiB * 1024 ** 3),
    size.arch + (size.gpu ? ', GPU' : ''),
    size.hourly === null ? '' : formatMoney(size.hourly, 5),
    size.regions.flatMap(({ id, available }) => (available ? [id] : [])).join(' '),
  ]);
  const header = ['SIZE', 'VCPU', 'MEMORY', 'DISK', 'KIND', 'PRICE/HOUR', 'REGIONS'];
  cli.print(formatTable(rows, { header, paint: cli.paint }));
}

function toJson({ id, vcpus, memoryMiB, diskGiB, arch, gpu, hourly, regions }: Size): object {
  const where = regions.map((region) => ({ id: region.id, available: region.available }));
  return { id, vcpus, memoryMiB, diskGiB, arch, gpu, hourly, regions: where };
}
