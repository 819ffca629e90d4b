import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkNames, runChecks } from './run-checks.ts';

// Everything: the checks, the build, the fast tests and those on real machines. Nothing stops early, so that one run
// shows all that is wrong; the last line counts it.

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** What is read of vitest's JSON report. */
interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: Array<{ status: string; assertionResults: unknown[] }>;
}

const root = path.resolve(import.meta.dirname, '..');

/**
 * The machine tests wait more than they compute, so they run in lanes beside each other, each with machines of its own
 * owner: the end of a lane removes what bears its owner.
 */
const machineLanes: ReadonlyArray<{ name: string; folders: readonly string[] }> = [
  { name: 'e2e', folders: ['test/e2e/'] },
  { name: 'proofs', folders: ['test/contract/', 'test/security/'] },
];

function runProgram(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function count(exitCode: number): Tally {
  return { passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
}

interface TestRun {
  project: string;
  /** Of the report, and of the run among others. */
  name: string;
  folders: readonly string[];
  env?: Readonly<Record<string, string>>;
}

async function runTests({ project, name, folders, env }: TestRun, scratch: string): Promise<Tally> {
  const reportFile = path.join(scratch, `${name}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const argv = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, ...reporters, ...folders];
  const exitCode = await runProgram(argv, env);
  const text = await readFile(reportFile, 'utf8').catch(() => undefined);
  if (text === undefined) return count(1);
  const report = JSON.parse(text) as VitestReport;
  // A file that can't be loaded has no test to count as failed.
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    // An error outside any test, or no test at all, fails the run without failing a test.
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

async function runEverything(): Promise<Tally[]> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'spuff-test-'));
  try {
    const findings = await runChecks(checkNames.filter((name) => name !== 'fast tests'));
    return [
      ...findings.map(({ exitCode }) => count(exitCode)),
      await runTests({ project: 'fast', name: 'fast', folders: [] }, scratch),
      count(await runProgram(['scripts/build.ts'])),
      count(await runProgram(['test/machine/prepare.ts'])),
      ...(await runMachineTests(scratch)),
    ];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function runMachineTests(scratch: string): Promise<Tally[]> {
  const owner = process.env['SPUFF_TEST_OWNER'] ?? 'spuff-test';
  const lanes = machineLanes.map(({ name, folders }) => {
    const env = { SPUFF_TEST_OWNER: `${owner}-${name}` };
    return runTests({ project: 'machine', name, folders, env }, scratch);
  });
  return Promise.all(lanes);
}

function add(tallies: readonly Tally[], key: keyof Tally): number {
  return tallies.reduce((sum, tally) => sum + tally[key], 0);
}

const tallies = await runEverything();
const failed = add(tallies, 'failed');
const skipped = add(tallies, 'skipped');
console.log(`${add(tallies, 'passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 ? 1 : 0;
