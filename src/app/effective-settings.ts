/** What counts where a project says something: options, its file, the user's settings, and the provider's own choice, in this order. */
import { type ProjectFile, placeOf } from '../domain/project.ts';
import type { ProviderId } from '../domain/provider.ts';
import type { Settings } from '../domain/settings.ts';
import type { AppContext } from './context.ts';

/** A setting that a project's file may have too. */
export interface SharedSetting {
  /** Of the setting. */
  readonly key: string;
  readonly field: keyof Settings;
  /** In the project's file. */
  readonly at: string;
  /** Whether it is in the words of a provider: then it counts nowhere else. */
  readonly ofProvider: boolean;
  /** The option of `up` that comes before it; null: there is none. */
  readonly option: string | null;
  /** undefined: the file does not speak of it. */
  readonly read: (project: ProjectFile) => Settings[keyof Settings] | undefined;
}

const shared = (
  key: string,
  field: keyof Settings,
  read: SharedSetting['read'],
  more: Partial<SharedSetting> = {},
): SharedSetting => ({ key, field, at: key, ofProvider: false, option: null, read, ...more });

const resource = (key: keyof ProjectFile['resources'] & keyof Settings, name: string = key) =>
  shared(name, key, ({ resources }) => resources[key], {
    ...{ at: `resources.${name}`, ofProvider: true, option: `--${name}` },
  });

export const sharedSettings: readonly SharedSetting[] = [
  resource('provider'),
  resource('regions', 'region'),
  resource('size'),
  resource('image'),
  shared('idle_timeout', 'idleTimeoutMs', ({ idleTimeoutMs }) => idleTimeoutMs, { option: '--idle-timeout' }),
  shared('max_lifetime', 'maxLifetimeMs', ({ maxLifetimeMs }) => maxLifetimeMs, { option: '--ttl' }),
  shared('on_idle', 'onIdle', ({ onIdle }) => onIdle),
  shared('rescue', 'rescue', ({ rescue }) => rescue),
  shared('tailscale', 'tailscale', ({ tailscale }) => tailscale.enabled, { at: 'tailscale.enabled' }),
  shared('tailscale_tags', 'tailscaleTags', ({ tailscale }) => tailscale.tags, { at: 'tailscale.tags' }),
  shared(
    'tailscale_close_public_ssh',
    'tailscaleClosePublicSsh',
    ({ tailscale }) => tailscale.closePublicSsh,
    { at: 'tailscale.close_public_ssh' },
  ),
  shared('firewall', 'firewall', ({ firewall }) => firewall),
];

export interface EffectiveSettings {
  /** The user's, with what counts of the project's put over them. */
  settings: Settings;
  project: ProjectFile | null;
  /** Where each setting stands that comes from the project (`/work/app/spuff.yaml:4:9`), by the setting's key. */
  places: ReadonlyMap<string, string>;
}

/**
 * The settings for machines of the project that the working directory belongs to.
 * @param wish.provider what the command line says: the resources of a project for another provider don't count then
 * @throws SpuffError `config` naming what is wrong in the user's or the project's file
 */
export async function effectiveSettings(
  context: Pick<AppContext, 'settings' | 'project'>,
  wish: { provider?: ProviderId | undefined } = {},
): Promise<EffectiveSettings> {
  const [user, project] = [await context.settings(), await context.project()];
  const provider = wish.provider ?? project?.resources.provider ?? user.provider;
  const settings: Settings = {
    ...user,
    provider,
    // The regions of the settings are those of their provider.
    regions: provider === user.provider ? user.regions : null,
  };
  const places = new Map<string, string>();
  for (const { key, field, at, read } of project ? countingSettings(project, provider) : []) {
    const value = project && read(project);
    if (!project || value === undefined) continue;
    Object.assign(settings, { [field]: value });
    places.set(key, placeOf(project, at));
  }
  return { settings, project, places };
}

/** Those of a project's settings that count for machines of a provider. */
export function countingSettings(project: ProjectFile, provider: ProviderId): readonly SharedSetting[] {
  const own = project.resources.provider ?? provider;
  return sharedSettings.filter(({ ofProvider }) => !ofProvider || own === provider);
}
