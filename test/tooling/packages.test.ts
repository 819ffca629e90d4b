import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';

/** What is read of an entry of package-lock.json. */
interface LockedPackage {
  version?: string;
  license?: string;
  integrity?: string;
  resolved?: string;
}

const project = join(import.meta.dirname, '..', '..');
const readJson = (path: string) => JSON.parse(readFileSync(join(project, path), 'utf8'));
const lock = readJson('package-lock.json') as { packages: Record<string, LockedPackage> };
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

/** Each lets spuff be what it is, under MIT. MPL-2.0 binds changes to its own files alone, and none is changed. */
const allowed = new Set([
  ...['MIT', 'Apache-2.0', 'MIT OR Apache-2.0', 'BSD-3-Clause', '0BSD', 'CC-BY-4.0', 'ISC', 'BlueOak-1.0.0'],
  ...['MPL-2.0', 'Unlicense'],
]);

/** Those that say it in a file, and not in their package.json: looked at by a person. */
const saidInFile: Readonly<Record<string, string>> = {
  buildcheck: 'MIT',
  'cpu-features': 'MIT',
  ssh2: 'MIT',
};

const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
const licenceOf = ([path, { license }]: (typeof locked)[number]) =>
  license ?? saidInFile[nameOf(path)] ?? 'none';

describe('the packages that spuff is made of and with', () => {
  it('are each known by a SHA-512 and come from the one registry that npm is set to', ({ expect }) => {
    expect(locked.length).toBeGreaterThan(100);
    expect(
      locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path),
    ).toEqual([]);
    expect(locked.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });

  it('are asked for by exact versions', ({ expect }) => {
    const { devDependencies, optionalDependencies } = readJson('package.json');
    const wanted = Object.entries({ ...devDependencies, ...optionalDependencies } as Record<string, string>);
    expect(wanted.filter(([, version]) => !/^(?:npm:[\w-]+@)?\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('have licences that spuff may be given on under', ({ expect }) => {
    const others = locked.filter((one) => !allowed.has(licenceOf(one))).map(([path]) => nameOf(path));
    expect(others).toEqual([]);
  });

  it('are listed in docs/licences.md', async ({ expect }) => {
    const names = (licence: string) =>
      locked
        .filter((one) => licenceOf(one) === licence)
        .map(([path, { version }]) => `${nameOf(path)} ${version}`);
    const rows = [...new Set(locked.map(licenceOf))].sort().map((licence) => {
      const listed = [...new Set(names(licence))].sort();
      return `## ${licence}\n\n${listed.length}: ${listed.join(', ')}\n`;
    });
    const intro =
      '# Licences\n\n<!-- Made from package-lock.json: npm run licences -->\n\nOf every package that spuff is made of, and that it is built and tested with.\n';
    await expect([intro, ...rows].join('\n')).toMatchFileSnapshot(join(project, 'docs', 'licences.md'));
  });
});
