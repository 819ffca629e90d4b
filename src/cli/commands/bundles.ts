import { type BundleReport, listBundles } from '../../app/list-bundles.ts';
import { bundleNames } from '../../domain/bundle-names.ts';
import { distributions } from '../../domain/bundle-plan.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { optionalArgument, text } from '../parameters.ts';
import { formatTable, wrapText } from '../render/text.ts';

export const bundles = defineCommand({
  name: 'bundles',
  summary: 'list the bundles of tools that a project can ask for, and their versions',
  details: [
    'A bundle is a runtime and the tools that people expect with it: language server, linter, formatter, debugger. A ' +
      'project asks for one in its spuff.yaml, with a version or without: bundles: [node@24, python].',
    'What is not from the distribution comes from its maker, and is checked against a checksum that spuff carries.',
  ],
  arguments: { bundle: optionalArgument('BUNDLE', 'one bundle: what it installs', { choices: bundleNames }) },
  options: {
    distribution: text('NAME', 'of the machines; debian-12 unless given', { choices: distributions }),
  },
  examples: [
    { command: 'spuff bundles', about: 'what there is' },
    { command: 'spuff bundles python', about: 'which tools come with Python, and from where' },
    { command: 'spuff bundles --distribution debian-13 --json', about: 'for a program' },
  ],
  json: 'bundles',
  run: async ({ arguments: { bundle }, options }, cli) => {
    const distribution = distributions.find((one) => one === options.distribution) ?? 'debian-12';
    const all = listBundles(distribution);
    const found = bundle === undefined ? all : all.filter(({ name }) => name === bundle);
    if (cli.flags.json) {
      cli.printJson({ version: 1, distribution, bundles: found });
    } else if (bundle === undefined) {
      printAll(cli, found);
    } else {
      for (const report of found) printOne(cli, report);
    }
  },
});

function printAll(cli: Cli, found: readonly BundleReport[]): void {
  const rows = found.map(({ name, title, defaultVersion, versions }) => [
    name,
    defaultVersion,
    versions.map(({ version }) => version).join(' '),
    title,
  ]);
  cli.print(formatTable(rows, { header: ['BUNDLE', 'DEFAULT', 'VERSIONS', 'WHAT'], paint: cli.paint }));
}

function printOne(cli: Cli, { name, title, note, defaultVersion, versions, tools }: BundleReport): void {
  const named = versions.map(({ version, exact, aliases }) =>
    [version, ...aliases].join(' or ').concat(exact === version ? '' : ` (${exact})`),
  );
  cli.print(`${cli.paint('bold', name)}  ${title}: ${named.join(', ')}; without a version ${defaultVersion}`);
  if (note !== null) cli.print(wrapText(note, cli.terminal.out.columns()));
  const rows = tools.map(({ tool, kind, from, required }) => [tool, kind, from, required ? '' : 'optional']);
  cli.print(formatTable(rows, { header: ['TOOL', 'KIND', 'FROM', ''], paint: cli.paint }));
}
