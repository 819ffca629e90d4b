import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpuffError } from '../domain/errors.ts';
import { defaultSettings } from '../domain/settings.ts';
import { type ConfigFile, openConfigFile } from './config-file.ts';
import { readSettings } from './settings.ts';
import { settingsTable } from './settings-table.ts';

let directory: string;
let path: string;
let config: ConfigFile;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-config-'));
  path = join(directory, 'config.yaml');
  config = await openConfigFile(path);
});
afterEach(() => rmSync(directory, { recursive: true }));

const content = () => readFileSync(path, 'utf8');
const put = (text: string) => writeFileSync(path, text, { mode: 0o600 });

describe('a configuration file', () => {
  it('is made 0600 by the first set, and leaves nothing else behind but its lock', () => {
    config.set({ region: 'fra1', idle_timeout: 'off' });
    expect(content()).toBe('region: fra1\nidle_timeout: off\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).sort()).toEqual(['config.yaml', 'run']);
    expect(readdirSync(join(directory, 'run'))).toEqual(['config.yaml.lock']);
  });

  it('keeps its comments, its order and its blank lines', () => {
    const text = `# my settings

# where I live
region: fra1 # near
size: "small"

user: me # that's me
# the end
`;
    put(text);
    config.set({ region: 'ams3', size: 'big', image: 'debian-12' });
    expect(content()).toBe(
      `${text.replace('fra1', 'ams3').replace('small', 'big').replace('# the end\n', '')}image: debian-12\n\n# the end\n`,
    );
  });

  it('gives back what was set, and forgets what was unset', () => {
    config.set({ region: 'fra1', size: '2' });
    expect([...config.read()]).toEqual([
      ['region', 'fra1'],
      ['size', '2'],
    ]);
    expect(config.unset('region')).toBe(true);
    expect(config.unset('region')).toBe(false);
    expect([...config.read()]).toEqual([['size', '2']]);
  });

  it('is no {} when its last setting is unset, and keeps what was written about it', () => {
    put('# mine\n\nregion: fra1\n');
    config.unset('region');
    expect(content()).toBe('# mine\n');
    expect(config.read().size).toBe(0);
  });

  it('reads as nothing when there is none, and is not made by it', () => {
    expect(config.read().size).toBe(0);
    expect(config.unset('region')).toBe(false);
    expect(existsSync(path)).toBe(false);
  });

  it('refuses keys and values that will not do, and stays as it is', () => {
    put('region: fra1\n');
    const refused = (values: Record<string, string>, message: RegExp) => {
      expect(() => config.set(values)).toThrow(
        expect.objectContaining({ code: 'config', message: expect.stringMatching(message) as string }),
      );
      expect(content()).toBe('region: fra1\n');
    };
    refused({ regoin: 'x' }, /there is no setting "regoin"/);
    refused({ region: 'ams3', user: 'root' }, /user: "root" is not a usable user name/);
    refused({ idle_timeout: '5' }, /idle_timeout: "5" is not a length of time/);
    refused({ region: '' }, /region: "" is not the name of a region/);
    expect(() => config.unset('regoin')).toThrow(/there is no setting "regoin"/);
  });

  it('can be mended: a wrong value by setting it, an unknown key by unsetting it', () => {
    put('regoin: fra1\nuser: root\n');
    expect(() => config.read()).toThrow(SpuffError);
    expect(() => config.set({ user: 'me' })).toThrow(/regoin/);
    put('regoin: fra1\n');
    expect(config.unset('regoin')).toBe(true);
    put('user: root\n');
    config.set({ user: 'me' });
    expect([...config.read()]).toEqual([['user', 'me']]);
  });

  it('explains itself when it is made to be edited, and is left alone when it is there', async () => {
    config.ensureFile();
    for (const { key, about } of settingsTable) {
      expect(content()).toContain(`# ${key}:`);
      expect(content()).toContain(`# ${about}`);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await readSettings(path)).toEqual(defaultSettings);
    put('region: fra1\n');
    config.ensureFile();
    expect(content()).toBe('region: fra1\n');
  });

  it('read uncommented, as it was made, gives the defaults', async () => {
    config.ensureFile();
    put(content().replaceAll(/^# ([a-z_]+:.*)$/gm, '$1'));
    expect(await readSettings(path)).toEqual(defaultSettings);
  });

  it('does not lose what another process sets at the same time', async () => {
    const script = `
      import { openConfigFile } from ${JSON.stringify(join(import.meta.dirname, 'config-file.ts'))};
      (await openConfigFile(process.argv[1])).set({ [process.argv[2]]: process.argv[3] });`;
    const values = { region: 'a', size: 'b', image: 'c', user: 'd', idle_timeout: '1h', max_lifetime: '2h' };
    const ends = Object.entries(values).map(([key, value]) =>
      once(
        spawn(process.execPath, ['--input-type=module', '-e', script, path, key, value], {
          stdio: 'inherit',
        }),
        'close',
      ),
    );
    expect(await Promise.all(ends)).toEqual(ends.map(() => [0, null]));
    expect(Object.fromEntries(config.read())).toEqual(values);
  });

  it('says so when it cannot be written', () => {
    mkdirSync(path);
    expect(() => config.set({ region: 'x' })).toThrow(expect.objectContaining({ code: 'state' }));
    rmSync(path, { recursive: true });
    put('');
    chmodSync(path, 0o666);
    config.set({ region: 'x' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

describe('round trip', () => {
  /** Text that is likely to be mistaken for something else by YAML, by a terminal or by a shell. */
  const hostile = fc.oneof(
    fc.constantFrom(
      'null',
      '~',
      'true',
      'no',
      'off',
      '1.10',
      '0x1f',
      '1e3',
      '.inf',
      '2026-11-23',
      '[a]',
      '{a: b}',
      '*a',
      '&a',
      '!!str x',
      '|',
      '>',
      '- a',
      '? a',
      '%TAG',
      '@a',
      '`a`',
      'a: b',
      'a #b',
      '#',
      '---',
      '...',
      "'",
      '"',
      '\\',
      '$HOME',
      '$(x)',
      ' a',
      'a ',
      '\ufeffa',
      '\u2028',
      '\u0085',
      '\u202e',
      '\u{1f600}',
      '\0',
      '\n',
      '\r\n',
      '\t',
      '\x1b[2J',
    ),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
  );
  const value = fc.oneof(
    hostile,
    hostile.map((text) => `/${text}`),
    hostile.map((text) => `unix:///${text}`),
    hostile.map((text) => `a${text}`),
    fc.constantFrom('off', '1h30m', 'none', 'raw'),
  );
  // What takes one of a few words would otherwise hardly ever get one of them.
  const change = fc
    .constantFrom(...settingsTable)
    .chain(({ key, choices }) =>
      fc.tuple(fc.constant(key), choices ? fc.oneof(value, fc.constantFrom(...choices)) : value),
    );

  it('whatever is accepted is read back as it was set, and everything else is refused without a change', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        rmSync(path, { force: true });
        const expected = new Map<string, string>();
        for (const [name, text] of changes) {
          try {
            config.set({ [name]: text });
            expected.set(name, text);
            accepted++;
          } catch (error) {
            expect(error).toBeInstanceOf(SpuffError);
          }
        }
        expect([...config.read()].sort()).toEqual([...expected].sort());
        const settings = await readSettings(path);
        for (const { key: name, field, parse } of settingsTable) {
          const text = expected.get(name);
          expect(settings[field]).toEqual(text === undefined ? defaultSettings[field] : parse(text));
        }
      }),
      { numRuns: 60 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});
