import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

// Changes the guard's decisions in every small way, one at a time, and runs their unit tests on each: a change that no test
// notices is a rule that nobody holds. Those that make no difference are named, with the reason, in docs/guard-mutations.md.

interface Position {
  line: number;
  column: number;
}

/** What is read of Stryker's report (mutation-testing-report-schema, version 2). */
interface Report {
  files: Record<
    string,
    {
      source: string;
      mutants: Array<{
        replacement?: string;
        status: string;
        location: { start: Position; end: Position };
      }>;
    }
  >;
}

const root = path.resolve(import.meta.dirname, '..');
const unnoticed = new Set(['Survived', 'NoCoverage']);

function runStryker(): Report {
  mkdirSync(path.join(root, '.stryker'), { recursive: true });
  const program = path.join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  const { status } = spawnSync(process.execPath, [program, 'run'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`Stryker ended with ${status}`);
  return JSON.parse(readFileSync(path.join(root, '.stryker/report.json'), 'utf8')) as Report;
}

/** As the page names it: by its text, because numbers of lines change. */
function describeUnnoticed(report: Report): string[] {
  return Object.entries(report.files).flatMap(([file, { source, mutants }]) => {
    const lines = source.split('\n');
    return mutants
      .filter(({ status }) => unnoticed.has(status))
      .map(({ location: { start, end }, replacement = '' }) => {
        const cut = lines.slice(start.line - 1, end.line);
        const line = cut.map((text) => text.trim()).join(' ');
        cut[cut.length - 1] = cut.at(-1)?.slice(0, end.column - 1) ?? '';
        cut[0] = cut[0]?.slice(start.column - 1) ?? '';
        const original = cut.map((text) => text.trim()).join(' ');
        return `- \`${path.basename(file)}\`: \`${original}\` → \`${replacement.replace(/\s+/g, ' ')}\` in \`${line}\``;
      });
  });
}

function readExplained(): string[] {
  const page = readFileSync(path.join(root, 'docs/guard-mutations.md'), 'utf8');
  return page.split('\n').filter((line) => line.startsWith('- `'));
}

const explained = readExplained();
const found = describeUnnoticed(runStryker());
const unexplained = found.filter((line) => !explained.includes(line));
const outdated = explained.filter((line) => !found.includes(line));
for (const line of unexplained) console.log(`no test notices, and no reason is given:\n${line}`);
for (const line of outdated) console.log(`a test notices it now, or it is gone:\n${line}`);
console.log(`${found.length} changes unnoticed, ${unexplained.length} of them without a reason`);
process.exitCode = unexplained.length + outdated.length > 0 ? 1 : 0;
