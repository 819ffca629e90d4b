import { describeAiTool } from '../../app/describe-ai-tool.ts';
import { aiToolNames } from '../../domain/bundle-names.ts';
import { defineCommand } from '../command.ts';
import { argument } from '../parameters.ts';
import { formatFields } from '../render/text.ts';

export const aiInfo = defineCommand({
  name: 'ai info',
  summary: 'tell what an AI tool is, and how it gets at its key',
  arguments: { tool: argument('TOOL', 'which one', { choices: aiToolNames }) },
  options: {},
  examples: [
    { command: 'spuff ai info claude-code', about: 'its package, its licence, and the variable of its key' },
  ],
  json: 'ai-tools',
  run: async ({ arguments: { tool } }, cli) => {
    const report = describeAiTool(tool);
    if (cli.flags.json) {
      cli.printJson({ version: 1, tools: [report] });
      return;
    }
    const [variable = '', ...others] = report.keyVariables;
    cli.print(
      formatFields(
        [
          ['tool', `${report.title}, by ${report.maker}`],
          ['what', report.about],
          ['package', `${report.packageName} (npm)`],
          ['licence', report.licence],
          ['command', report.program],
          ['key', [variable, ...others].join(', ')],
          ['login', `on the machine: ${report.login}`],
          ['more', report.homepage],
        ],
        cli.paint,
      ),
    );
    cli.print(
      `\nspuff never takes the key to a machine. It is there when you log in there, or when you put it into env of ` +
        `spuff.yaml:\n  env: { ${variable}: $${variable} }`,
    );
  },
});
