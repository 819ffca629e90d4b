import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const project = join(import.meta.dirname, '..', '..');

/** Every control that spuff means to keep: secrets, the wire, the machine, forwarding, lifecycle, people. */
const counts = { S: 6, W: 4, V: 8, F: 3, L: 4, P: 7 };
const controls = Object.entries(counts).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
);

/** What is wrong with the table of controls, one line each. */
function findProblems(page: string, testFiles: readonly string[]): string[] {
  const [built = '', unbuilt = ''] = page.split('\n## Not built yet\n');
  const rows = [...built.matchAll(/^\| ([A-Z]\d) \|(.+)\|([^|]*)\|$/gm)].map(
    ([, id = '', what = '', tests = '']) => ({
      id,
      what: what.trim(),
      tests: [...tests.matchAll(/\]\(\.\.\/test\/security\/([^)]+)\)/g)].map(([, file = '']) => file),
    }),
  );
  const open = [...unbuilt.matchAll(/^- \*\*([A-Z]\d)\*\*: \S/gm)].map(([, id]) => id);
  const named = [...rows.map((row) => row.id), ...open];
  const linked = rows.flatMap((row) => row.tests);
  return [
    ...controls.filter((id) => !named.includes(id)).map((id) => `${id} is missing`),
    ...named.filter((id, index) => named.indexOf(id) !== index).map((id) => `${id} is there twice`),
    ...rows.filter((row) => row.what.length < 20).map((row) => `${row.id} does not say what holds`),
    ...rows.filter((row) => row.tests.length === 0).map((row) => `${row.id} names no test`),
    ...rows.flatMap((row) =>
      row.tests
        .filter((file) => !file.startsWith(`${row.id.toLowerCase()}-`))
        .map((file) => `${row.id} names a test of another control: ${file}`),
    ),
    ...linked.filter((file) => !testFiles.includes(file)).map((file) => `there is no ${file}`),
    ...testFiles.filter((file) => !linked.includes(file)).map((file) => `${file} is in no row`),
  ];
}

const page = readFileSync(join(project, 'docs', 'security.md'), 'utf8');
const testFiles = readdirSync(join(project, 'test', 'security')).filter((file) => file.endsWith('.test.ts'));

/** Assets and boundaries that are kept by nothing, or by a control that there is not. */
function findModelProblems(page: string): string[] {
  const [, model = ''] = page.split('\n## The model\n');
  const tables = model.split('\n## ')[0] ?? '';
  const rows = [...tables.matchAll(/^\|(.+)\|$/gm)].map(([, row = '']) =>
    row.split('|').map((cell) => cell.trim()),
  );
  const isNamed = (cell: string) => /^[SWVFLP]\d(?:, [SWVFLP]\d)*$/.test(cell);
  const kept = rows.filter((cells) => cells.length === 4 && !/^(?:what|-+)?$/.test(cells[0] ?? ''));
  return [
    ...(kept.length < 15 ? [`only ${kept.length} assets and boundaries`] : []),
    ...kept.filter((cells) => !isNamed(cells.at(-1) ?? '')).map(([name]) => `${name} is kept by nothing`),
    ...kept
      .flatMap((cells) => (cells.at(-1) ?? '').split(', '))
      .filter((id) => !controls.includes(id))
      .map((id) => `there is no control ${id}`),
  ];
}

describe('docs/security.md', () => {
  it('keeps each asset and each boundary by controls that there are', () => {
    expect(findModelProblems(page)).toEqual([]);
    expect(findModelProblems(page.replace('S2, F2, F3, P5', ''))).toContain(
      'private keys that log in is kept by nothing',
    );
    expect(findModelProblems(page.replace('S2, F2, F3, P5', 'S2, F9'))).toContain('there is no control F9');
  });

  it('has every control once, each with its tests, and every test in test/security', () => {
    expect(findProblems(page, testFiles)).toEqual([]);
  });

  it('is checked for what it leaves out', () => {
    const without = (pattern: RegExp) => findProblems(page.replace(pattern, ''), testFiles);
    expect(without(/^\| V1 \|.*\n/m)).toEqual(
      expect.arrayContaining(['V1 is missing', 'v1-login.test.ts is in no row']),
    );
    expect(without(/\[v3-firewall[^)]*\)/)).toContain('V3 names no test');
    expect(without(/^\| P6 \|.*\n/m)).toContain('P6 is missing');
    const others = testFiles.filter((file) => file !== 'v1-login.test.ts');
    expect(findProblems(page, others)).toContain('there is no v1-login.test.ts');
    expect(findProblems(page, [...testFiles, 'v1-more.test.ts'])).toContain('v1-more.test.ts is in no row');
    const swapped = findProblems(page.replace(/^\| V1 \|/m, '| V2 |'), testFiles);
    expect(swapped).toContain('V2 names a test of another control: v1-login.test.ts');
    expect(swapped).toContain('V2 is there twice');
  });
});
