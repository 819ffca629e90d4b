import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const project = path.resolve(import.meta.dirname, '../..');

/** Broken on purpose, one file a rule; the file's imports are all that counts. */
const planted: ReadonlyArray<{ rule: string; file: string; source: string }> = [
  { rule: 'layer-domain', file: 'src/domain/planted-a.ts', source: `import '../lib/planted-fine.ts';` },
  { rule: 'layer-lib', file: 'src/lib/planted-b.ts', source: `import '../state/planted-fine.ts';` },
  { rule: 'layer-protocol', file: 'src/protocol/planted-c.ts', source: `import '../lib/planted-fine.ts';` },
  { rule: 'layer-ssh', file: 'src/ssh/planted-d.ts', source: `import '../state/planted-fine.ts';` },
  { rule: 'layer-bootstrap', file: 'src/bootstrap/planted-e.ts', source: `import '../ssh/planted-fine.ts';` },
  { rule: 'layer-state', file: 'src/state/planted-f.ts', source: `import '../protocol/planted-fine.ts';` },
  { rule: 'layer-app', file: 'src/app/planted-g.ts', source: `await import('../state/planted-fine.ts');` },
  {
    rule: 'layer-app',
    file: 'src/app/planted-h.ts',
    source: `import type { Fine } from '../ssh/planted-fine.ts';`,
  },
  {
    rule: 'layer-cli',
    file: 'src/cli/planted-i.ts',
    source: `export { fine } from '../state/planted-fine.ts';`,
  },
  { rule: 'layer-agent', file: 'src/agent/planted-j.ts', source: `import '../state/planted-fine.ts';` },
  { rule: 'src-folders', file: 'src/lib/planted-k.ts', source: `import '../other/planted-fine.ts';` },
  { rule: 'domain-pure', file: 'src/domain/planted-l.ts', source: `import 'node:fs';` },
  { rule: 'domain-pure', file: 'src/domain/planted-m.ts', source: `import 'zod';` },
  { rule: 'provider-siblings', file: 'src/providers/a/planted.ts', source: `import '../b/planted-fine.ts';` },
  {
    rule: 'provider-siblings',
    file: 'src/providers/a/planted-n.ts',
    source: `import '../../ssh/planted-fine.ts';`,
  },
  { rule: 'nobody-imports-main', file: 'src/cli/planted-o.ts', source: `import '../main/planted-fine.ts';` },
  { rule: 'processes-in-one-place', file: 'src/ssh/planted-p.ts', source: `import 'node:child_process';` },
  {
    rule: 'processes-in-one-place',
    file: 'src/lib/planted-q.ts',
    source: `process.getBuiltinModule('node:child_process');`,
  },
  { rule: 'no-tests-in-the-product', file: 'src/lib/planted-r.ts', source: `import './planted.test.ts';` },
  { rule: 'bundled-packages', file: 'src/lib/planted-s.ts', source: `import 'vitest';` },
  { rule: 'no-circle', file: 'src/lib/planted-t.ts', source: `import './planted-u.ts';` },
  { rule: 'no-unresolvable', file: 'src/lib/planted-v.ts', source: `import './is-not-there.ts';` },
  { rule: 'home-of-dockerode', file: 'src/app/planted-w.ts', source: `import type Docker from 'dockerode';` },
  { rule: 'home-of-commander', file: 'src/app/planted-x.ts', source: `import 'commander';` },
];

/** Imports that the rules allow, which must stay unreported. */
const allowed: Readonly<Record<string, string>> = {
  'src/agent/planted-ok.ts': `import '../protocol/planted-fine.ts';`,
  'src/agent/planted-type.ts': `import type { ChildProcess } from 'node:child_process';`,
  'src/app/planted-ok.ts': `import '../bootstrap/planted-fine.ts';\nimport '../protocol/planted-fine.ts';`,
  'src/cli/planted-ok.ts': `import 'commander';\nimport '../app/planted-fine.ts';`,
  'src/lib/planted.test.ts': `import 'vitest';\nimport 'node:child_process';\nimport '../state/planted-fine.ts';`,
  'src/lib/planted-u.ts': `import './planted-t.ts';`,
  'src/main/planted-ok.ts': `import '../providers/a/planted-fine.ts';\nimport '../state/planted-fine.ts';`,
  'src/providers/a/planted-ok.ts': `import './planted-fine.ts';\nimport '../../lib/planted-fine.ts';`,
  'src/protocol/planted-ok.ts': `import 'zod';`,
};

const folders = ['domain', 'lib', 'protocol', 'ssh', 'bootstrap', 'state', 'app', 'cli', 'agent', 'main'];
const fineFolders = [...folders, 'providers/a', 'providers/b', 'other'];

interface CheckRun {
  exitCode: number;
  lines: string[];
}

function runCheck(root: string): Promise<CheckRun> {
  const script = path.join(project, 'scripts/check-imports.ts');
  return new Promise((resolve) => {
    execFile(process.execPath, [script, root], (error, stdout) => {
      resolve({ exitCode: error ? Number(error.code) : 0, lines: stdout.trimEnd().split('\n') });
    });
  });
}

async function plant(root: string, file: string, source: string): Promise<void> {
  await mkdir(path.join(root, path.dirname(file)), { recursive: true });
  await writeFile(path.join(root, file), `${source}\n`);
}

let scratch: string;
let copy: CheckRun;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'spuff-import-rules-'));
  for (const entry of ['src', 'package.json', 'tsconfig.json']) {
    await cp(path.join(project, entry), path.join(scratch, 'copy', entry), { recursive: true });
  }
  await symlink(path.join(project, 'node_modules'), path.join(scratch, 'copy/node_modules'));
  for (const folder of fineFolders) {
    const source = 'export const fine = 1;\nexport type Fine = number;';
    await plant(path.join(scratch, 'copy'), `src/${folder}/planted-fine.ts`, source);
  }
  for (const { file, source } of planted) await plant(path.join(scratch, 'copy'), file, source);
  for (const [file, source] of Object.entries(allowed)) await plant(path.join(scratch, 'copy'), file, source);
  copy = await runCheck(path.join(scratch, 'copy'));
}, 60_000);

afterAll(() => rm(scratch, { recursive: true, force: true }));

test('a broken rule fails the check', () => {
  expect(copy.exitCode).toBe(1);
});

test.each(planted)('$rule is reported for $file', ({ rule, file }) => {
  expect(copy.lines.filter((line) => line.startsWith(`${rule}: ${file} `))).toHaveLength(1);
});

test.each(Object.keys(allowed))('%s is not reported', (file) => {
  expect(copy.lines.filter((line) => line.includes(`: ${file} `))).toEqual([]);
});

test('it reads every file, those that nothing imports too', () => {
  const count = Number(/^import rules: (\d+) modules/.exec(copy.lines.at(-1) ?? '')?.[1]);
  expect(count).toBeGreaterThanOrEqual(planted.length + Object.keys(allowed).length + fineFolders.length);
  expect(copy.lines.filter((line) => line.startsWith('not-read'))).toEqual([]);
});

test('a tree without a source file fails instead of passing', async () => {
  await mkdir(path.join(scratch, 'empty/src'), { recursive: true });
  await writeFile(path.join(scratch, 'empty/package.json'), '{}');
  const empty = await runCheck(path.join(scratch, 'empty'));
  expect(empty.exitCode).toBe(1);
});
