import { dirname } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { Place } from '../domain/project.ts';
import { makePrivateDirectory, readPrivateFile, writeFileAtomically } from '../lib/atomic-file.ts';
import { findToken } from '../lib/token-shapes.ts';
import { type ConfigDocument, parseConfig, unknownSetting } from './config-document.ts';
import { withFileLock } from './file-lock.ts';
import { guardHome } from './home.ts';
import { secretError } from './scan-config.ts';
import { maxConfigBytes } from './settings.ts';
import { findSetting, type SettingSpec, settingsTable } from './settings-table.ts';
import { renderMap, type Yaml } from './yaml-document.ts';

/** The file of the user's settings, as text: what it says, and changes to it. */
export interface ConfigFile {
  readonly path: string;
  /** Every setting, in the order of the documentation. */
  readonly keys: ReadonlyArray<
    Pick<SettingSpec, 'about' | 'default' | 'takes'> & { name: string; choices?: readonly string[] }
  >;
  /** What the file says, by key, as the user wrote it. Empty when there is no file. @throws SpuffError `config` */
  read(): ReadonlyMap<string, string>;
  /** Where each value stands, by key. @throws SpuffError `config` */
  places(): ReadonlyMap<string, Place>;
  /**
   * Sets keys in one step, and makes the file when there is none. Comments and what else the file says stay.
   * @throws SpuffError `config` for a key that there is not, a value that won't do, or a file that is wrong elsewhere
   */
  set(values: Readonly<Record<string, string>>): void;
  /** Takes a key out, so that the default counts again. @returns false when it was not there */
  unset(key: string): boolean;
  /** Makes the file when there is none, 0600, with every setting in it as a comment. */
  ensureFile(): void;
}

/** Loads the YAML library, which is for those who edit: to read settings, `readSettings` is quicker. */
export async function openConfigFile(path: string): Promise<ConfigFile> {
  const yaml = await import('yaml');
  const parse = (): ConfigDocument => parseConfig(yaml, readPrivateFile(path, maxConfigBytes) ?? '', path);
  return {
    path,
    keys: settingsTable.map(({ key, about, takes, default: standard, choices }) => ({
      name: key,
      about,
      takes,
      default: standard,
      ...(choices && { choices }),
    })),
    read: () => {
      const config = parse();
      config.check();
      return config.entries;
    },
    places: () => parse().places,
    set: (values) => {
      for (const [key, text] of Object.entries(values)) checkValue(key, text);
      edit(yaml, path, parse, ({ document }) => {
        for (const [key, text] of Object.entries(values)) document.set(key, text);
        return true;
      });
    },
    unset: (key) => {
      let wasThere = false;
      edit(yaml, path, parse, ({ document }) => {
        wasThere = document.delete(key);
        return wasThere;
      });
      if (!wasThere && !findSetting(key)) throw unknownKey(key);
      return wasThere;
    },
    ensureFile: () => {
      makeHome(path);
      withFileLock(path, () => {
        if (readPrivateFile(path, maxConfigBytes) === null) writeFileAtomically(path, template());
      });
    },
  };
}

function makeHome(path: string): void {
  const home = dirname(path);
  guardHome({ home });
  makePrivateDirectory(home);
}

/** Reads, changes and replaces the file while nobody else does. What was wrong before may be mended by the change. */
function edit(
  yaml: Yaml,
  path: string,
  parse: () => ConfigDocument,
  change: (config: ConfigDocument) => boolean,
): void {
  makeHome(path);
  withFileLock(path, () => {
    const config = parse();
    if (!change(config)) return;
    const text = renderMap(config.document);
    parseConfig(yaml, text, path).check();
    writeFileAtomically(path, text);
  });
}

function checkValue(key: string, text: string): void {
  const spec = findSetting(key);
  if (!spec) throw unknownKey(key);
  const token = findToken(text);
  if (token) throw secretError(key, token.kind);
  try {
    spec.parse(text);
  } catch (error) {
    if (!(error instanceof SpuffError)) throw error;
    throw new SpuffError('config', `${key}: ${error.message}`, { hints: error.hints, cause: error });
  }
}

function unknownKey(key: string): SpuffError {
  const { message, hint } = unknownSetting(key);
  return new SpuffError('config', message, { hints: [hint] });
}

/** A new file explains itself. */
function template(): string {
  const lines = settingsTable.map(
    ({ key, about, default: standard }) => `# ${about}\n# ${key}: ${standard ?? ''}`,
  );
  return `# The settings of spuff. Never put a token or key in here.\n\n${lines.join('\n\n').replaceAll(/ +$/gm, '')}\n`;
}
