/** Where a setting comes from: what each layer says, and which of them counts. */
import { formatDuration } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import { type ProjectFile, placeOf } from '../domain/project.ts';
import type { Provider } from '../domain/provider.ts';
import type { ConfigKey, ConfigStore } from './config-store.ts';
import type { AppContext } from './context.ts';
import { countingSettings, type SharedSetting, sharedSettings } from './effective-settings.ts';

export interface SettingLayer {
  layer: 'project' | 'user' | 'default' | 'provider';
  /** As it would stand in the file; null: it says nothing. */
  value: string | null;
  /** `/work/app/spuff.yaml:4:9`; null for what is in no file. */
  place: string | null;
  /** Why a value does not count though nothing comes before it; null: it would. */
  unless: string | null;
}

export interface SettingExplanation {
  key: string;
  value: string | null;
  /** Which layer counts; null: none of them says anything. */
  from: SettingLayer['layer'] | null;
  /** The option of `up` that comes before all of them; null: there is none. */
  option: string | null;
  /** Which provider that is for. */
  provider: string;
  /** The first with a value that may count does. */
  layers: readonly SettingLayer[];
}

/**
 * @param wish.provider for machines of which provider; without it: the one that counts
 * @throws SpuffError `config` naming what is wrong in the project's or the user's file
 */
export async function explainSetting(
  context: AppContext,
  store: ConfigStore,
  key: ConfigKey,
  wish: { provider?: string | undefined } = {},
): Promise<SettingExplanation> {
  const [user, project] = [await context.settings(), await context.project()];
  const provider = wish.provider ?? project?.resources.provider ?? user.provider;
  const setting = sharedSettings.find((one) => one.key === key.name) ?? null;
  const layers = [
    ...(project && setting ? [ofProject(project, setting, provider)] : []),
    ofUser(store, key, { provider, own: user.provider }),
    inNoFile('default', key.default),
    ...(await ofProvider(context, provider, key)),
  ];
  const counting = layers.find(({ value, unless }) => value !== null && unless === null);
  return {
    ...{ key: key.name, value: counting?.value ?? null, from: counting?.layer ?? null },
    ...{ option: setting?.option ?? null, provider, layers },
  };
}

function ofProject(project: ProjectFile, setting: SharedSetting, provider: string): SettingLayer {
  const value = setting.read(project);
  const counts = countingSettings(project, provider).includes(setting);
  return {
    layer: 'project',
    value: value === undefined ? null : formatValue(setting.field, value),
    place: placeOf(project, setting.at),
    unless: counts || value === undefined ? null : `it is for ${project.resources.provider}`,
  };
}

function ofUser(
  store: ConfigStore,
  { name }: ConfigKey,
  { provider, own }: { provider: string; own: string },
): SettingLayer {
  const value = store.read().get(name) ?? null;
  const place = store.places().get(name);
  const isOther = value !== null && provider !== own && (name === 'region' || name === 'provider');
  return {
    ...{ layer: 'user' as const, value },
    place: value === null || !place ? store.path : `${store.path}:${place.line}:${place.column}`,
    unless: isOther ? `it is for ${own}` : null,
  };
}

function inNoFile(layer: 'default' | 'provider', value: string | null): SettingLayer {
  return { layer, value, place: null, unless: null };
}

const readDefault: Readonly<Record<string, (defaults: Provider['defaults']) => string>> = {
  region: ({ region }) => region,
  size: ({ size }) => size,
  image: ({ image }) => (image.kind === 'slug' ? image.slug : image.id),
};

/** What the provider itself takes, where it has a say; null where there is no such provider. */
async function ofProvider(context: AppContext, id: string, { name }: ConfigKey): Promise<SettingLayer[]> {
  const read = readDefault[name];
  if (!read) return [];
  try {
    return [inNoFile('provider', read((await context.provider(id)).defaults))];
  } catch (error) {
    if (error instanceof SpuffError) return [inNoFile('provider', null)];
    throw error;
  }
}

function formatValue(field: string, value: unknown): string {
  if (field.endsWith('Ms')) return value === null ? 'off' : formatDuration(Number(value)).replaceAll(' ', '');
  return Array.isArray(value) ? value.join(', ') : String(value);
}
