import type { FoundInProject } from './find-in-project.ts';

/**
 * The text of a new spuff.yaml. What is not set stands in it as a comment that begins with `#` and no blank, so that taking
 * the sign away makes a setting of it.
 */
export function renderProjectFile(of: { name: string; schema: string; found: FoundInProject }): string {
  const { name, schema, found } = of;
  return `# yaml-language-server: $schema=./${schema}
# The machine of this project: \`spuff up\` makes it, \`spuff validate\` checks this file.

version: "1"
name: ${name}

# What the machine is like; without it your own settings count.
#resources:
#  size: 4cpu-8gb

${bundles(found)}
# Packages of Debian.
#packages: [ripgrep, jq]

${services(found)}
# Variables on the machine; $NAME is looked up on your computer. What is secret belongs in spuff.secrets.yaml, which git ignores.
#env:
#  LOG_LEVEL: debug
#  DATABASE_URL: postgres://app:\${DB_PASSWORD}@localhost/app

# Run once, in the project's folder on the machine.
#setup:
#  - ${setupExample(found)}

# Reached on 127.0.0.1 here while you are connected.
#ports: [3000, "8080:80"]

#ai_tools: [claude-code]
#idle_timeout: 1h
#max_lifetime: 1d
`;
}

function bundles({ bundles: all }: FoundInProject): string {
  const about = '# Runtimes with their tools, NAME or NAME@VERSION.\n';
  if (all.length === 0) return `${about}#bundles: [node, python]\n`;
  return `${about}bundles:\n${all.map(({ name, because }) => `  - ${name} # ${because}\n`).join('')}`;
}

function services({ composeFile }: FoundInProject): string {
  const about = '# Containers that run beside.\n';
  if (composeFile === null) return `${about}#services:\n#  compose_file: compose.yaml\n`;
  return `${about}services:\n  compose_file: ${composeFile}\n`;
}

function setupExample({ bundles: [first] }: FoundInProject): string {
  const commands: Partial<Record<string, string>> = {
    node: 'npm ci',
    rust: 'cargo fetch',
    go: 'go mod download',
    python: 'pip install -r requirements.txt',
    elixir: 'mix deps.get',
    ruby: 'bundle install',
  };
  return commands[first?.name ?? ''] ?? 'make setup';
}
