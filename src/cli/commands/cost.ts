import { type CostGroup, costGroups, reportCost } from '../../app/cost-report.ts';
import { defineCommand } from '../command.ts';
import { text } from '../parameters.ts';
import { costToJson, describeCost } from '../render/cost.ts';
import { showsUnicode } from '../render/terminal.ts';

export const cost = defineCommand({
  name: 'cost',
  summary: 'show what machines cost: now, and in a month',
  details: [
    'What runs, with its price and what it comes to by its deadline; then a month by day, provider and project, which is the ' +
      'directory that spuff up was run in. Reads what spuff has written down, and asks nobody: the receipts of machines that are ' +
      'gone, and the instances that there are. Days and months are those of UTC.',
    'Amounts are as the provider tells its prices, net or gross, and never added across currencies. Traffic, and what snapshots ' +
      'cost (see spuff snapshot list), is not in them. What is not counted is named.',
  ],
  arguments: {},
  options: {
    month: text('MONTH', 'another month, such as 2026-11'),
    by: text('GROUP', 'one table only', { choices: costGroups }),
  },
  examples: [
    { command: 'spuff cost', about: 'what runs, and this month' },
    { command: 'spuff cost --month 2026-10 --by instance', about: 'what each instance cost in October' },
    { command: 'spuff cost --json', about: 'the same for a program' },
  ],
  json: 'cost',
  run: async ({ options: { month, by } }, cli) => {
    const report = await reportCost(cli.context, {
      month,
      by: costGroups.find((one): one is CostGroup => one === by),
    });
    if (cli.flags.json) {
      cli.printJson(costToJson(report));
      return;
    }
    const { out } = cli.terminal;
    const view = {
      columns: Math.max(40, out.columns()),
      isUnicode: showsUnicode(cli.terminal),
      paint: cli.paint,
    };
    cli.print(describeCost(report, { ...view, nowMs: cli.context.runtime.now() }));
  },
});
