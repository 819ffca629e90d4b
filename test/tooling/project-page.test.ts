/** docs/project.md speaks of every setting that a project's file has, of no other, and shows files that are right. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aiToolNames, bundleNames } from '../../src/domain/bundle-names.ts';
import { openProjectFiles } from '../../src/state/project-files.ts';
import { projectRules } from '../../src/state/project-rules.ts';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'project.md'), 'utf8');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

interface Shown {
  properties?: Record<string, Shown>;
  anyOf?: Shown[];
}

/** `resources.size`, of the maps whose settings have rows of their own. */
const settings = Object.entries(projectRules).flatMap(([name, { schema }]) => {
  const inner = Object.keys((schema as Shown).properties ?? {});
  return inner.length > 0 && name !== 'guard' ? inner.map((key) => `${name}.${key}`) : [name];
});

function rowsOf(text: string): string[] {
  const [, table = ''] = text.split('## Every setting');
  const [rows = ''] = table.split('\n## ');
  return [...rows.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
}

describe('docs/project.md', () => {
  it('has a row for every setting', () => {
    expect(rowsOf(page).sort()).toEqual([...settings].sort());
    expect(rowsOf(page.replace(/^\| `sync` .*\n/m, ''))).not.toContain('sync');
  });

  it('names every bundle and every tool', () => {
    for (const name of [...bundleNames, ...aiToolNames]) expect(page).toContain(`\`${name}\``);
  });

  it.each(
    [page, readme].flatMap((text) =>
      [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, yaml]) => [yaml]),
    ),
  )('shows a file that is right: %s', async (yaml = '') => {
    const directory = mkdtempSync(join(tmpdir(), 'spuff-page-'));
    try {
      writeFileSync(join(directory, 'spuff.yaml'), yaml);
      writeFileSync(join(directory, 'compose.yaml'), '');
      expect(await openProjectFiles().check(join(directory, 'spuff.yaml'))).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
