import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { optionalArgument } from '../parameters.ts';
import { oneLine } from '../render/text.ts';

export const validate = defineCommand({
  name: 'validate',
  summary: "check a project's file",
  details: [
    'Names everything that is wrong in spuff.yaml, its guard among it, and in spuff.secrets.yaml, which git must not track. ' +
      'The exit status is 0 when nothing is, and 3 when something is. Nothing is changed, and nothing is asked of a provider.',
  ],
  arguments: {
    file: optionalArgument('FILE', 'which; the spuff.yaml of this directory or above', { complete: 'files' }),
  },
  options: {},
  examples: [
    { command: 'spuff validate', about: 'the project that you are in' },
    { command: 'spuff validate apps/shop/spuff.yaml --json', about: 'for a job in CI' },
  ],
  json: 'validation',
  run: async ({ arguments: { file } }, cli) => {
    const { validateProject } = await import('../../app/validate-project.ts');
    const { path, secretsPath, problems } = await validateProject(cli.context, file);
    if (cli.flags.json) {
      cli.printJson({ version: 1, path, secretsPath, valid: problems.length === 0, problems });
    } else {
      for (const problem of problems) {
        const hint = problem.hint === null ? '' : ` (${problem.hint})`;
        cli.print(oneLine(`${problem.path}:${problem.line}:${problem.column}: ${problem.message}${hint}`));
      }
    }
    if (problems.length === 0) {
      cli.say(`${oneLine(path)} is right`);
      return;
    }
    const count = problems.length === 1 ? 'one thing is' : `${problems.length} things are`;
    throw new SpuffError('config', `${count} wrong with ${path}`, { hints: ['mend it in an editor'] });
  },
});
