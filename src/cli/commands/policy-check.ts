import { checkPolicy } from '../../app/check-policy.ts';
import { defineCommand } from '../command.ts';
import { oneLine } from '../render/text.ts';

export const policyCheck = defineCommand({
  name: 'policy check',
  summary: 'check the policies, and whether your settings and instances keep to them',
  details: [
    'The exit status is 1 when something does not. It asks no provider: networks that were let in, and what machines cost, are held ' +
      'against the rules when they are changed.',
  ],
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff policy check', about: 'what up would refuse, and what was made before the rule' },
    { command: 'spuff policy check --json', about: 'the same for a program' },
  ],
  json: 'policy-check',
  run: async (_input, cli) => {
    const findings = await checkPolicy(cli.context);
    if (cli.flags.json) {
      const shown = findings.map(({ subject, rule, message, hint }) => ({
        ...{ subject, rule: rule.name, where: rule.where, message, hint },
      }));
      cli.printJson({ version: 1, ok: findings.length === 0, findings: shown });
    } else if (findings.length === 0) {
      cli.print('your settings and instances keep to the policies');
    } else {
      const lines = findings.map(({ subject, rule, message, hint }) =>
        oneLine(`${subject}: ${rule.name}: ${message} (${hint}): ${rule.where}`),
      );
      cli.print(lines.join('\n'));
    }
    return findings.length === 0 ? 0 : 1;
  },
});
