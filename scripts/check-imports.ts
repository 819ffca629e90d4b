import { readdir, realpath } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import path from 'node:path';
import type { ICruiseOptions, ICruiseResult } from 'dependency-cruiser';
import { importRules } from './import-rules.ts';

// dependency-cruiser parses with the JavaScript API of TypeScript, which TypeScript 7 no longer has; with 7 it
// finds no module at all and passes. So it gets TypeScript 6, which is installed beside 7 under another name.
registerHooks({
  resolve: (specifier, context, nextResolve) =>
    nextResolve(specifier.replace(/^typescript(?=$|\/)/, 'typescript-6'), context),
});

interface ImportReport {
  /** Files of `src/` that were read, relative to the root. */
  modules: string[];
  /** One line for each broken rule. */
  violations: string[];
}

/**
 * Holds every import under `root`/src, type-only ones too, against the rules.
 * A source file that was not read is a violation: rules that see nothing pass.
 */
async function checkImports(root: string): Promise<ImportReport> {
  const { cruise } = await import('dependency-cruiser');
  const options: ICruiseOptions = {
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: [...importRules] },
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    parser: 'tsc',
    combinedDependencies: false,
    exoticRequireStrings: ['process.getBuiltinModule'],
    enhancedResolveOptions: {
      conditionNames: ['import', 'require', 'node', 'types'],
      exportsFields: ['exports'],
    },
  };
  const { output } = await cruise(['src'], options);
  const result = output as ICruiseResult;
  const modules = result.modules.map((module) => module.source).filter((source) => source.startsWith('src/'));
  const seen = new Set(modules);
  const unread = (await listSources(root)).filter((file) => !seen.has(file));
  const comments = new Map(importRules.map((rule) => [rule.name, rule.comment]));
  const violations = result.summary.violations.map(({ rule, from, to, cycle }) => {
    const target = cycle ? cycle.map((step) => step.name).join(' → ') : to;
    return `${rule.name}: ${from} → ${target} (${comments.get(rule.name)})`;
  });
  return { modules, violations: [...violations, ...unread.map((file) => `not-read: ${file}`)] };
}

async function listSources(root: string): Promise<string[]> {
  const entries = await readdir(path.join(root, 'src'), { recursive: true });
  return entries.filter((entry) => entry.endsWith('.ts')).map((entry) => path.posix.join('src', entry));
}

const root = await realpath(process.argv[2] ?? '.');
process.chdir(root);
const { modules, violations } = await checkImports(root);
for (const violation of violations) console.log(violation);
console.log(`import rules: ${modules.length} modules, ${violations.length} violations`);
process.exitCode = modules.length > 0 && violations.length === 0 ? 0 : 1;
