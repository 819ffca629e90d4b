import { SpuffError } from '../domain/errors.ts';
import { defaultSettings, type Settings } from '../domain/settings.ts';
import { readPrivateFile } from '../lib/atomic-file.ts';
import { readPlainConfig } from './read-plain-config.ts';
import { findSecretInText } from './scan-config.ts';
import { findSetting } from './settings-table.ts';

/** A configuration is a page, not a book. */
export const maxConfigBytes = 64 * 1024;

/**
 * The settings: what the file says, and the defaults for the rest. Without a file nothing is loaded or made.
 * @throws SpuffError `config` naming file, line and column of everything that is wrong; `permission` when the file is a
 * link or someone else's. A file that others could read is made private.
 */
export async function readSettings(path: string): Promise<Settings> {
  const text = readPrivateFile(path, maxConfigBytes);
  if (text === null) return { ...defaultSettings };
  const plain = findSecretInText(text) === null ? readPlainConfig(text) : null;
  return (plain && toSettings(plain)) ?? readWithYaml(text, path);
}

async function readWithYaml(text: string, path: string): Promise<Settings> {
  const [yaml, { parseConfig }] = await Promise.all([import('yaml'), import('./config-document.ts')]);
  const config = parseConfig(yaml, text, path);
  config.check();
  const settings = toSettings(config.entries);
  if (settings) return settings;
  throw new TypeError('a configuration passed its check and then did not');
}

/** @returns null when an entry is wrong, which only `parseConfig` can place */
function toSettings(entries: ReadonlyMap<string, string>): Settings | null {
  const settings: Settings = { ...defaultSettings };
  try {
    for (const [key, text] of entries) {
      const spec = findSetting(key);
      if (!spec) return null;
      Object.assign(settings, { [spec.field]: spec.parse(text) });
    }
  } catch (error) {
    if (error instanceof SpuffError) return null;
    throw error;
  }
  return settings;
}

/**
 * Where the container engine is, from a file that is wrong elsewhere: what the file says, or the default when no line of it
 * speaks of that.
 * @returns null when the file says something about it that can't be told for sure: another engine has other machines, and
 * one that is not found there is not gone
 */
export function readEngineSocketAlone(path: string): { engineSocket: string | null } | null {
  const text = readPrivateFile(path, maxConfigBytes) ?? '';
  const lines = text.split(/\r?\n/).filter((line) => /engine.{0,6}socket/i.test(line) && !/^\s*#/.test(line));
  const [line] = lines;
  if (line === undefined) return { engineSocket: defaultSettings.engineSocket };
  const plain = lines.length === 1 ? readPlainConfig(line) : null;
  const settings = plain && toSettings(plain);
  return settings && { engineSocket: settings.engineSocket };
}
