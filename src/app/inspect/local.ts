/** What a program can check on the user's own computer: files, keys, settings. Asks no network. */
import { localFileInspections } from './local-files.ts';
import { localKeyInspections } from './local-keys.ts';
import { localSettingInspections } from './local-settings.ts';

export type { LocalContext } from './local-context.ts';

export const localInspections = [...localFileInspections, ...localKeyInspections, ...localSettingInspections];
