import { listRegions } from '../../app/list-sizes.ts';
import { defineCommand } from '../command.ts';
import { text } from '../parameters.ts';
import { formatTable } from '../render/text.ts';

export const regions = defineCommand({
  name: 'regions',
  summary: 'list the regions of a provider',
  arguments: {},
  options: {
    provider: text('PROVIDER', 'of which provider; the one of the settings', { complete: 'providers' }),
  },
  examples: [
    { command: 'spuff regions', about: 'where machines can be made' },
    { command: 'spuff regions --provider digitalocean --json', about: 'of another provider, for a program' },
  ],
  json: 'regions',
  run: async ({ options }, cli) => {
    const { provider, regions: found } = await listRegions(cli.context, options.provider);
    if (cli.flags.json) {
      cli.printJson({ version: 1, provider, regions: found });
      return;
    }
    const rows = found.map(({ id, available, allowed }) => [
      id,
      available ? 'yes' : 'no',
      allowed ? 'yes' : 'no: allowed_regions',
    ]);
    cli.print(formatTable(rows, { header: ['REGION', 'AVAILABLE', 'ALLOWED'], paint: cli.paint }));
  },
});
