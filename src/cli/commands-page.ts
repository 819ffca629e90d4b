import { errorCodes } from '../domain/errors.ts';
import type { CommandSpec } from './command.ts';
import { globalFlags, jsonAbout } from './global-flags.ts';
import type { ArgumentSpec } from './parameters.ts';
import { optionFlags, usageOf } from './program.ts';
import type { CommandGroup } from './registry.ts';
import { wrapText } from './render/text.ts';

/** The page docs/commands.md, made of what the commands say of themselves. */
export function commandsPage(groups: readonly CommandGroup[], commands: readonly CommandSpec[]): string {
  const shown = commands.filter((command) => !command.hidden);
  const sections = groups.flatMap((group) => [
    `## ${group.title}\n`,
    ...shown.filter((command) => command.name in group.commands).map(commandSection),
  ]);
  return [introduction(), ...sections, exitStatuses()].join('\n');
}

function introduction(): string {
  const flags = globalFlags.map(({ flags: written, about }) => `| \`${written}\` | ${about} |`);
  return [
    '# Commands',
    '',
    '<!-- Made from src/cli/commands/ by its test: npx vitest run src/cli/commands.test.ts -u -->',
    '',
    'Where a command takes a NAME and gets none, it means the instance that was made in this directory or the nearest one',
    'above it, else the only one there is; otherwise it fails and lists what there is. Results go to standard output,',
    'everything else to standard error. What `--json` prints is in [json.md](json.md).',
    '',
    'Every command takes these, before or after its name:',
    '',
    '| flag | |',
    '|---|---|',
    ...flags,
    '| `-h, --help` | show help |',
    '',
  ].join('\n');
}

function commandSection(command: CommandSpec): string {
  const rows = [
    ...Object.values(command.arguments).map((argument) => [argumentName(argument), argument.about]),
    ...(command.rest ? [[`-- ${command.rest.placeholder}`, command.rest.about]] : []),
    ...Object.entries(command.options).map(([key, option]) => [
      optionFlags(key, option).replaceAll(/[<>]/g, ''),
      option.about + (option.choices ? ` (${option.choices.join(', ')})` : ''),
    ]),
    ...(command.json === undefined
      ? []
      : [['--json', `${jsonAbout}: [${command.json}](json.md#${command.json})`]]),
  ];
  const table = rows.map(([name, about]) => `| \`${name}\` | ${about?.replaceAll('|', '\\|')} |`);
  return [
    `### spuff ${command.name}`,
    '',
    `${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`,
    '',
    ...(command.details ?? []).flatMap((text) => [paragraph(text), '']),
    '```',
    `spuff ${command.name} ${usageOf(command)}`,
    '```',
    '',
    ...(table.length > 0 ? ['| | |', '|---|---|', ...table, ''] : []),
    ...command.examples.map((example) => `- \`${example.command}\`: ${example.about}`),
    '',
  ].join('\n');
}

/** What is laid out by hand stays so: four spaces make it a block. */
function paragraph(text: string): string {
  return text.startsWith(' ') ? text.replaceAll(/^/gm, '    ') : wrapText(text, 118);
}

function argumentName(argument: ArgumentSpec): string {
  return `${argument.placeholder}${argument.variadic ? '...' : ''}`;
}

function exitStatuses(): string {
  const rows = Object.entries(errorCodes).map(
    ([code, { exitStatus, meaning, retryHelps }]) =>
      `| ${exitStatus} | \`${code}\` | ${meaning} | ${retryHelps ? 'yes' : 'no'} |`,
  );
  return [
    '## Exit status',
    '',
    '`ssh`, `exec` and `cp` end with the status of what they ran, and with 255 when the connection failed or broke; `up`',
    'does so too where it has opened a session. `doctor` ends with 1 when something fails. All others end with 0, or with the',
    'status of the error:',
    '',
    '| status | code | meaning | does trying again help? |',
    '|---|---|---|---|',
    '| 0 | | done | |',
    ...rows,
    '',
  ].join('\n');
}
