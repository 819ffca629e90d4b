import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { allInspections } from '../../src/app/inspect/run-inspections.ts';
import { questions } from '../../src/domain/inspection.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');

it('docs/audit.md has every check and every question, and every check is about a control', () => {
  const page = readFileSync(join(docs, 'audit.md'), 'utf8');
  const rows = allInspections.map(({ id, place, title }) => `| \`${id}\` | ${place} | ${title} |`);
  for (const row of rows) expect(page).toContain(row);
  expect(page.match(/^\| `[A-Z]\d\//gm)).toHaveLength(rows.length);
  for (const { control, text } of questions) expect(page).toContain(`- ${control}: ${text}`);
  const security = readFileSync(join(docs, 'security.md'), 'utf8');
  for (const { control } of [...allInspections, ...questions])
    expect(security).toMatch(new RegExp(`^(?:\\| |- \\*\\*)${control}\\b`, 'm'));
});
