import { editFile } from '../../app/edit-file.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';

export const configEdit = defineCommand({
  name: 'config edit',
  summary: 'open the settings in your editor',
  details: [
    'The editor is VISUAL, else EDITOR, else vi; it gets no credentials from the environment. What you saved is checked ' +
      'when it ends; if it will not do you are told the line, and nothing is taken back.',
  ],
  arguments: {},
  options: {},
  examples: [{ command: 'spuff config edit', about: 'write several settings at once' }],
  run: async (_input, cli) => {
    if (!cli.canAsk) {
      throw new SpuffError('usage', 'an editor needs a terminal', {
        hints: ['change one setting: spuff config set KEY VALUE'],
      });
    }
    const store = await cli.services.openConfig();
    store.ensureFile();
    await editFile(store.path, cli.terminal.env);
    store.read();
  },
});
