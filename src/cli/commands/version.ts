import { defineCommand } from '../command.ts';

export const version = defineCommand({
  name: 'version',
  summary: 'show the version',
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff version', about: 'of spuff, and so of the agent that it installs' },
    { command: 'spuff version --json', about: 'with what it runs on' },
  ],
  json: 'version',
  run: async (_input, cli) => {
    const { version: spuff, protocol } = cli.services;
    if (!cli.flags.json) {
      cli.print(spuff);
      return;
    }
    const { platform, arch, version: node } = process;
    cli.printJson({ version: 1, spuff, protocol, node: node.slice(1), platform, arch });
  },
});
