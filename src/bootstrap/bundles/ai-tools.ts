import type { AiToolName } from '../../domain/bundle-names.ts';
import type { BundleCommand } from '../../domain/bundle-plan.ts';
import { type BundleArch, linkNativeProgram } from './bundle-definition.ts';

export interface AiToolDefinition {
  name: AiToolName;
  title: string;
  maker: string;
  about: string;
  packageName: string;
  /** As the package states it. */
  licence: string;
  /** What it is called by. */
  program: string;
  /** The variables that it reads a key from, the usual one first. */
  keyVariables: readonly string[];
  /** How it logs in where no variable is set. */
  login: string;
  homepage: string;
  /** What has to be done because the package's own scripts don't run. */
  commands(arch: BundleArch): BundleCommand[];
}

export const aiTools: readonly AiToolDefinition[] = [
  {
    name: 'claude-code',
    title: 'Claude Code',
    maker: 'Anthropic',
    about: 'an agent in the terminal that reads and changes a project',
    packageName: '@anthropic-ai/claude-code',
    licence: "proprietary: Anthropic's terms, see the package's README",
    program: 'claude',
    keyVariables: ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN'],
    login: 'claude, then /login',
    homepage: 'https://code.claude.com/docs',
    // Its postinstall copies the program of the right platform over a placeholder; the link leads to the same program.
    commands: (arch) => [
      linkNativeProgram('claude', {
        packageName: '@anthropic-ai/claude-code',
        platform: `@anthropic-ai/claude-code-linux-${arch === 'x86_64' ? 'x64' : 'arm64'}`,
        path: 'claude',
      }),
    ],
  },
  {
    name: 'codex',
    title: 'Codex',
    maker: 'OpenAI',
    about: 'an agent in the terminal that reads and changes a project',
    packageName: '@openai/codex',
    licence: 'Apache-2.0',
    program: 'codex',
    keyVariables: ['OPENAI_API_KEY', 'CODEX_API_KEY'],
    login: 'codex login',
    homepage: 'https://github.com/openai/codex',
    commands: () => [],
  },
  {
    name: 'opencode',
    title: 'opencode',
    maker: 'the opencode authors',
    about: 'an agent in the terminal for models of many makers',
    packageName: 'opencode-ai',
    licence: 'MIT',
    program: 'opencode',
    keyVariables: ['OPENCODE_API_KEY', 'ANTHROPIC_API_KEY', 'OPENAI_API_KEY'],
    login: 'opencode auth login',
    homepage: 'https://opencode.ai',
    // As above. Of the two programs for x86_64 the baseline one runs on every machine that a cloud may give.
    commands: (arch) => [
      linkNativeProgram('opencode', {
        packageName: 'opencode-ai',
        platform: arch === 'x86_64' ? 'opencode-linux-x64-baseline' : 'opencode-linux-arm64',
        path: 'bin/opencode',
      }),
    ],
  },
  {
    name: 'copilot',
    title: 'GitHub Copilot CLI',
    maker: 'GitHub',
    about: 'an agent in the terminal that works with GitHub',
    packageName: '@github/copilot',
    licence: "proprietary: GitHub's terms, see the package's LICENSE.md",
    program: 'copilot',
    keyVariables: ['COPILOT_GITHUB_TOKEN', 'GH_TOKEN', 'GITHUB_TOKEN'],
    login: 'copilot, then /login',
    homepage: 'https://docs.github.com/copilot/how-tos/use-copilot-agents/use-copilot-cli',
    commands: () => [],
  },
];
