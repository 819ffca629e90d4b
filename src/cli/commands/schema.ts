import { defineCommand } from '../command.ts';

export const schema = defineCommand({
  name: 'schema',
  summary: 'print the JSON Schema of spuff.yaml',
  details: [
    'With it an editor completes and checks the file while you write. `spuff init --project` puts it beside a new file; after ' +
      'an upgrade of spuff this brings it up to date.',
  ],
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff schema', about: 'as JSON Schema 2020-12, on standard output' },
    {
      command: 'spuff schema > spuff.schema.json',
      about: 'the file that the first line of spuff.yaml names',
    },
  ],
  run: async (_input, cli) => {
    const files = await cli.context.projectFiles();
    cli.print((await files.schema()).trimEnd());
  },
});
