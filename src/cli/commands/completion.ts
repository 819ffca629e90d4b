import { defineCommand } from '../command.ts';
import { completionScripts } from '../completion-scripts.ts';
import { argument } from '../parameters.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export const completion = defineCommand({
  name: 'completion',
  summary: 'print what makes your shell complete spuff',
  details: [
    'Put it where your shell reads it at its start:',
    "  bash   echo 'source <(spuff completion bash)' >> ~/.bashrc\n" +
      "  zsh    echo 'source <(spuff completion zsh)' >> ~/.zshrc    (after compinit)\n" +
      '  fish   spuff completion fish > ~/.config/fish/completions/spuff.fish',
  ],
  arguments: { shell: argument('SHELL', 'which shell', { choices: shells }) },
  options: {},
  examples: [
    { command: 'spuff completion bash', about: 'for bash' },
    { command: 'spuff completion zsh', about: 'for zsh' },
    { command: 'spuff completion fish', about: 'for fish' },
  ],
  run: async ({ arguments: { shell } }, cli) => {
    const known = shells.find((name) => name === shell);
    if (known) cli.print(completionScripts[known].trimEnd());
  },
});
