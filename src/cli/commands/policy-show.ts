import { countsAmong, describeRule } from '../../domain/policy.ts';
import { defineCommand } from '../command.ts';
import { formatTable } from '../render/text.ts';

export const policyShow = defineCommand({
  name: 'policy show',
  summary: 'show the rules for everybody that hold here, and where they stand',
  details: [
    'They are in /etc/spuff/policy.yaml and in each spuff.policy.yaml in this directory and above it. All of them hold: of two that ' +
      'say how much at most the smaller counts, a name must be in every list. No flag and no setting passes over them.',
  ],
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff policy show', about: 'every rule, and the file and line that it is in' },
    { command: 'spuff policy show --json', about: 'the same for a program' },
  ],
  json: 'policy',
  run: async (_input, cli) => {
    const rules = await cli.context.policy(cli.context.directory);
    const shown = rules.map((rule) => ({
      ...{ rule: rule.name, value: describeRule(rule), where: rule.where, counts: countsAmong(rule, rules) },
    }));
    if (cli.flags.json) {
      cli.printJson({ version: 1, rules: shown });
      return;
    }
    if (shown.length === 0) {
      cli.say('no policy holds here');
      return;
    }
    const rows = shown.map(({ rule, value, where, counts }) => [
      ...[rule, value, where, counts ? '' : 'a stricter one counts'],
    ]);
    cli.print(formatTable(rows, { header: ['RULE', 'VALUE', 'WHERE', ''], paint: cli.paint }));
  },
});
