import { installAiTools, readInstallWords } from '../../app/install-ai-tools.ts';
import { defineCommand } from '../command.ts';
import { manyArguments, text } from '../parameters.ts';
import { SeveralErrors } from '../several-errors.ts';

export const aiInstall = defineCommand({
  name: 'ai install',
  summary: 'install AI tools on an instance',
  details: [
    'TOOL is one of spuff ai list, with a version or without (the newest), or all. The last word is the instance when it ' +
      'is no tool; without it the instance of this directory, or the only one.',
    'The packages come from the npm registry, and none of their scripts is run. Node comes along where the machine has ' +
      'none that is new enough. No key and no login goes to the machine.',
  ],
  arguments: {
    words: manyArguments('TOOL', 'which ones, and perhaps the instance', { required: true }),
  },
  options: { instance: text('NAME', 'the instance', { complete: 'instances' }) },
  examples: [
    { command: 'spuff ai install claude-code', about: 'on the instance of this directory' },
    { command: 'spuff ai install codex opencode demo', about: 'two of them, on demo' },
    { command: 'spuff ai install codex@0.171.0 --instance demo', about: 'in a version of your choice' },
  ],
  json: 'ai-install',
  run: async ({ arguments: { words }, options }, cli) => {
    const { tools, instance } = readInstallWords(words, {
      instance: options.instance,
      instances: (await cli.context.state()).listInstances(),
      directory: cli.context.directory,
    });
    const report = await installAiTools(cli.context, instance, tools);
    if (cli.flags.json) {
      cli.printJson({
        version: 1,
        instance: instance.name,
        installed: report.installed.map(({ name, version }) => ({ name, toolVersion: version })),
        failed: report.failed.map(({ name, error }) => ({
          name,
          code: error.code,
          message: error.message,
          hints: error.hints,
        })),
      });
    } else {
      for (const { name, version } of report.installed) cli.print(`${name} ${version ?? ''}`.trimEnd());
    }
    const [only] = report.failed;
    if (only !== undefined) throw report.failed.length === 1 ? only.error : new SeveralErrors(report.failed);
    return 0;
  },
});
