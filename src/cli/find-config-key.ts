import type { ConfigKey, ConfigStore } from '../app/config-store.ts';
import { SpuffError } from '../domain/errors.ts';
import { findClosestName } from '../lib/closest-name.ts';

/** @throws SpuffError `config` for a key that there is not, listing those that there are */
export function findConfigKey(store: ConfigStore, name: string): ConfigKey {
  const key = store.keys.find((one) => one.name === name);
  if (key) return key;
  const names = store.keys.map((one) => one.name);
  const meant = findClosestName(name, names);
  throw new SpuffError('config', `there is no setting ${JSON.stringify(name)}`, {
    hints: [meant === null ? `there are: ${names.join(', ')}` : `did you mean ${meant}?`],
  });
}
