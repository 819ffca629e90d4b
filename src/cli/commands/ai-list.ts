import { describeAiTools } from '../../app/describe-ai-tool.ts';
import { defineCommand } from '../command.ts';
import { formatTable } from '../render/text.ts';

export const aiList = defineCommand({
  name: 'ai list',
  summary: 'list the AI tools that spuff can put on a machine',
  details: [
    'A project asks for them in its spuff.yaml: ai_tools: [claude-code], all or none. No key of theirs ever goes to a ' +
      'machine unless you put it into env there.',
  ],
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff ai list', about: 'what there is' },
    { command: 'spuff ai list --json', about: 'for a program' },
  ],
  json: 'ai-tools',
  run: async (_input, cli) => {
    const tools = describeAiTools();
    if (cli.flags.json) {
      cli.printJson({ version: 1, tools });
      return;
    }
    const rows = tools.map(({ name, title, packageName, licence }) => [
      name,
      title,
      packageName,
      licence.split(':')[0] ?? '',
    ]);
    cli.print(formatTable(rows, { header: ['TOOL', 'WHAT', 'PACKAGE', 'LICENCE'], paint: cli.paint }));
  },
});
