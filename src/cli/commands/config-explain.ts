import { relative } from 'node:path';
import type { SettingExplanation, SettingLayer } from '../../app/explain-setting.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { findConfigKey } from '../find-config-key.ts';
import { argument, text } from '../parameters.ts';
import { formatTable, oneLine } from '../render/text.ts';

export const configExplain = defineCommand({
  name: 'config explain',
  summary: 'show where a setting comes from',
  details: [
    'Options of `spuff up` come before spuff.yaml of the project that you are in, that before your settings, and those before ' +
      'the defaults. Resources of a project that names a provider count for machines of that provider alone.',
  ],
  arguments: { key: argument('KEY', 'which', { complete: 'config-keys' }) },
  options: {
    provider: text('PROVIDER', 'for machines of this provider', { complete: 'providers' }),
  },
  examples: [
    { command: 'spuff config explain size', about: 'what each layer says, and which counts' },
    { command: 'spuff config explain size --provider local', about: 'the same for another provider' },
  ],
  json: 'config-explanation',
  run: async ({ arguments: { key }, options }, cli) => {
    const { explainSetting } = await import('../../app/explain-setting.ts');
    const store = await cli.services.openConfig();
    const found = await explainSetting(cli.context, store, findConfigKey(store, key), options);
    if (cli.flags.json) cli.printJson({ version: 1, ...found });
    else printLayers(cli, found);
  },
});

const titles: Record<SettingLayer['layer'], string> = {
  project: 'the project',
  user: 'your settings',
  default: 'the default',
  provider: 'the provider',
};

function printLayers(cli: Cli, { key, value, from, option, layers }: SettingExplanation): void {
  const optionRow = option === null ? [] : [['', 'option', '-', `spuff up ${option}`]];
  const rows = layers.map(({ layer, value: own, place, unless }) => [
    layer === from ? '*' : '',
    titles[layer],
    own === null ? '-' : oneLine(own),
    [place === null ? '' : showPlace(place, cli.context.directory), unless ?? '']
      .filter((part) => part !== '')
      .join(', '),
  ]);
  cli.print(`${key}: ${value === null ? 'no value' : oneLine(value)}`);
  cli.print(
    formatTable([...optionRow, ...rows], { header: ['', 'LAYER', 'VALUE', 'FROM'], paint: cli.paint }),
  );
}

/** Relative to the working directory where it is in it. */
function showPlace(place: string, directory: string): string {
  const near = relative(directory, place);
  return oneLine(near.startsWith('..') ? place : near);
}
