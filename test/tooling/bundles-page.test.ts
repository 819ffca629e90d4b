/** The page docs/bundles.md is made of the definitions. */
import { join } from 'node:path';
import { it } from 'vitest';
import { aiTools } from '../../src/bootstrap/bundles/ai-tools.ts';
import type { BundleDefinition, BundleRelease } from '../../src/bootstrap/bundles/bundle-definition.ts';
import { bundles, releasesOn } from '../../src/bootstrap/plan-bundles.ts';
import { type Distribution, distributions } from '../../src/domain/bundle-plan.ts';

const intro = `# Bundles and AI tools

<!-- Made from src/bootstrap/bundles by its test: npx vitest run test/tooling/bundles-page.test.ts -u -->

A *bundle* is a runtime with the tools that people expect: language server, linter, formatter, debugger. A project asks for it in its
\`spuff.yaml\`, with a version or without:

\`\`\`yaml
bundles: [node@24, python, go@1.26]
ai_tools: [claude-code]
\`\`\`

\`spuff bundles\` lists them, \`spuff bundles python\` says what one installs. A version that there is none of is refused, with those
that there are and the closest.

## How it is installed

- Packages of the **distribution** by apt, which checks their signatures.
- **Archives of the makers**, over https alone, each against a SHA-256 that spuff carries: with another nothing is unpacked. They are in
  \`/opt/bundles\` (Go in \`/usr/local/go\`), their programs linked in \`/usr/local/bin\`. What is there with the same checksum stays.
- From an **ecosystem's own registry**, checked by it: npm with \`--ignore-scripts\`, Go against sum.golang.org, Rust's toolchains by
  rustup, builds of Python by uv, gems and wheels against their index.

Nothing is piped into a shell. A tool marked *optional* may be missing, and the machine says so; without any other the bundle has failed.
Why it is done like this: [decision 0126](adr/0126-bundles-are-pinned-data.md).

Names of packages are those of Debian 12 and 13. Machines with x86_64 and arm64 get the same. On Ubuntu, archives and registries work as
they do on Debian; a package of a name that Ubuntu does not have fails the bundle.

A machine keeps one version of each bundle. Wishing for another later puts it in front; what the first one linked beyond it stays.

`;

function sayVersions(definition: BundleDefinition, distribution: Distribution): string {
  return releasesOn(definition, distribution)
    .map(
      (release) =>
        `${sayRelease(release)}${isDefault(definition, distribution, release) ? ' (default)' : ''}`,
    )
    .join(', ');
}

function isDefault(
  definition: BundleDefinition,
  distribution: Distribution,
  release: BundleRelease,
): boolean {
  return definition.defaultVersion[distribution] === release.version;
}

function sayRelease({ version, exact, aliases = [] }: BundleRelease): string {
  const names = [version, ...aliases].map((name) => `\`${name}\``).join(' or ');
  return exact === version ? names : `${names} = ${exact}`;
}

/** The tools of every version, with the versions that alone have them. */
function toolRows(definition: BundleDefinition): string[] {
  const choices = distributions.flatMap((distribution) =>
    releasesOn(definition, distribution).map((release) => ({
      release,
      distribution,
      arch: 'x86_64' as const,
    })),
  );
  const rows = new Map<string, Set<string>>();
  for (const choice of choices) {
    for (const { tool, kind, from, required } of definition.content(choice).tools) {
      const row = `| ${tool.replace(/^python3[.]\d+$/, 'python3.N')} | ${kind} | ${from} | ${required ? '' : 'optional'}`;
      const versions = rows.get(row) ?? new Set();
      rows.set(row, versions.add(choice.release.version));
    }
  }
  const all = new Set(choices.map(({ release }) => release.version)).size;
  return [...rows].map(([row, versions]) =>
    versions.size === all
      ? `${row} |`
      : `${row}${row.endsWith('optional') ? ', ' : ''}with ${[...versions].join(', ')} |`,
  );
}

function bundleSection(definition: BundleDefinition): string {
  const [twelve, thirteen] = distributions.map((distribution) => sayVersions(definition, distribution));
  const versions =
    twelve === thirteen
      ? `Versions: ${twelve}.`
      : `Versions on Debian 12: ${twelve}.\n\nOn Debian 13: ${thirteen}.`;
  return [
    `### ${definition.name}: ${definition.title}`,
    '',
    versions,
    '',
    ...(definition.note === undefined ? [] : [definition.note, '']),
    '| tool | kind | from | |',
    '|---|---|---|---|',
    ...toolRows(definition),
    '',
  ].join('\n');
}

function aiSection(): string {
  return [
    '## AI tools',
    '',
    '`spuff ai list` lists them, `spuff ai info NAME` explains one, `spuff ai install NAME… [INSTANCE]` installs on a machine that is',
    'there, and `spuff ai status` says what is installed. They are the newest of npm unless a version is named (`codex@0.171.0`). Node comes',
    'along where the machine has none from 22 on.',
    '',
    'No key and no login ever goes to a machine with them. Log in there, or put the variable into `env` of your `spuff.yaml`:',
    'what is in `env` is on the machine, for every program there to read.',
    '',
    '| tool | package | licence | command | variables of its key | login on the machine |',
    '|---|---|---|---|---|---|',
    ...aiTools.map(
      (tool) =>
        `| ${tool.name} | [\`${tool.packageName}\`](${tool.homepage}) | ${tool.licence} | \`${tool.program}\` | ${tool.keyVariables.map((name) => `\`${name}\``).join(', ')} | ${tool.login} |`,
    ),
    '',
  ].join('\n');
}

it('docs/bundles.md says what there is', async ({ expect }) => {
  const page = `${intro}## What there is\n\n${bundles.map(bundleSection).join('\n')}\n${aiSection()}`;
  await expect(page).toMatchFileSnapshot(join(import.meta.dirname, '..', '..', 'docs', 'bundles.md'));
});
