/** docs/guard.md says what the guard's data says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as yaml from 'yaml';
import { forges } from '../../src/domain/forge-keys.ts';
import { refusals } from '../../src/domain/guard.ts';
import { readGuardMap } from '../../src/state/guard-document.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'guard.md'), 'utf8');

/** The first two cells of each row below a heading. */
function rowsBelow(heading: string): [string, string][] {
  const [, section = ''] = page.split(`${heading}\n`);
  const [own = ''] = section.split(/^#/m);
  return [...own.matchAll(/^\| `([^`]+)` \| ([^|]*) \|/gm)].map(([, first = '', second = '']) => [
    first,
    second,
  ]);
}

it('lists every reason of a refusal, in its words', () => {
  expect(rowsBelow('## Why something is refused')).toEqual(Object.entries(refusals));
});

it('lists every built-in forge, how it is trusted and where its keys are published', () => {
  const rows = rowsBelow('### The forges');
  expect(rows.map(([name]) => name)).toEqual(forges.map(({ name }) => name));
  for (const [at, { plain, source }] of forges.entries()) {
    expect(rows[at]?.[1].startsWith(plain ? 'plain will do' : 'bound to the host')).toBe(true);
    expect(page).toContain(`(${source})`);
  }
});

it('shows a policy with every key, which is right', () => {
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const document = yaml.parseDocument(text);
  expect(yaml.isMap(document.contents)).toBe(true);
  const { file, problems } = readGuardMap(yaml, document.contents as yaml.YAMLMap, 'user');
  expect(problems).toEqual([]);
  expect(Object.values(file)).not.toContain(null);
  expect(rowsBelow('## The policy').map(([key]) => key)).toEqual(Object.keys(document.toJSON()));
});
