import { readAiToolStatus } from '../../app/ai-tool-status.ts';
import { findReadyInstance } from '../../app/find-instance.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { formatTable } from '../render/text.ts';

export const aiStatus = defineCommand({
  name: 'ai status',
  summary: 'show which AI tools are on an instance, and their versions',
  details: ['Each tool is started there and asked for its version.'],
  arguments: { name: instanceArgument },
  options: {},
  examples: [{ command: 'spuff ai status demo', about: 'what is there' }],
  json: 'ai-status',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const statuses = await readAiToolStatus(cli.context, instance);
    if (cli.flags.json) {
      const tools = statuses.map((tool) => ({
        name: tool.name,
        installed: tool.isInstalled,
        toolVersion: tool.version,
      }));
      cli.printJson({ version: 1, instance: instance.name, tools });
      return;
    }
    const rows = statuses.map((tool) => [
      tool.name,
      tool.isInstalled ? 'installed' : 'not installed',
      tool.version ?? '',
    ]);
    cli.print(formatTable(rows, { header: ['TOOL', 'STATE', 'VERSION'], paint: cli.paint }));
  },
});
