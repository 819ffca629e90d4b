import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { setPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { machineLanes } from './machine-lanes.ts';
import { checkNames, runChecks } from './run-checks.ts';
import {
  countProgram as count,
  describe,
  filesToRepeat,
  readReport,
  settleRepeat,
  sum,
  type Tally,
} from './test-tally.ts';

// Everything: the checks, the build, the fast tests and those on real machines. Nothing stops early, so that one run
// shows all that is wrong; the end names what failed, and the last line counts it.

const root = path.resolve(import.meta.dirname, '..');

/** Of what may wait: the higher, the later it gets its turn; up to 19. */
const lowPriority = 10;

function runProgram(
  argv: readonly string[],
  {
    env,
    niceness,
  }: { env?: Readonly<Record<string, string>> | undefined; niceness?: number | undefined } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
    // The processes that it starts have it too.
    if (niceness !== undefined && child.pid !== undefined) setPriority(child.pid, niceness);
  });
}

interface TestRun {
  project: string;
  /** Of the report, and of the run among others. */
  name: string;
  folders: readonly string[];
  env?: Readonly<Record<string, string>>;
  niceness?: number;
}

async function runTests({ project, name, folders, env, niceness }: TestRun, scratch: string): Promise<Tally> {
  const reportFile = path.join(scratch, `${name}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const argv = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, ...reporters, ...folders];
  const exitCode = await runProgram(argv, { env, niceness });
  const text = await readFile(reportFile, 'utf8').catch(() => undefined);
  return text === undefined
    ? count(`${name} tests`, 1)
    : readReport(JSON.parse(text), { name, root, exitCode });
}

/**
 * What failed is run once more, by itself: two cores that serve twenty machines make a time limit a lottery. What passes
 * then counts as passed, and the end of the run names it as unsteady, with how it had failed.
 */
async function repeatFailed(run: TestRun, first: Tally, scratch: string): Promise<Tally> {
  const files = filesToRepeat(first);
  if (files.length === 0) return first;
  return settleRepeat(first, await runTests({ ...run, name: `${run.name}-again`, folders: files }, scratch));
}

const fastTests: TestRun = { project: 'fast', name: 'fast', folders: [] };
/** They compute while the machine tests wait, and only then: those have time limits. */
const fuzzTests: TestRun = { project: 'fuzz', name: 'fuzz', folders: [], niceness: lowPriority };

async function runEverything(): Promise<Tally[]> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'spuff-test-'));
  try {
    const findings = await runChecks(checkNames.filter((name) => name !== 'fast tests'));
    return [
      ...findings.map(({ name, exitCode }) => count(name, exitCode)),
      await repeatFailed(fastTests, await runTests(fastTests, scratch), scratch),
      count('build', await runProgram(['scripts/build.ts'])),
      count('base image', await runProgram(['test/machine/prepare.ts'])),
      ...(await runMachineTests(scratch)),
    ];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What a reviewer asks for by name: the tests of some controls, and what they need. */
async function proveControls(ids: readonly string[]): Promise<Tally[]> {
  const files = readdirSync(path.join(root, 'test', 'security'));
  const folders = ids.map((id) => `test/security/${id.toLowerCase()}-`);
  const missing = ids.find(
    (_, at) => !files.some((file) => `test/security/${file}`.startsWith(folders[at] ?? '')),
  );
  if (missing !== undefined) {
    console.error(
      `no test is of a control ${JSON.stringify(missing)}; docs/security.md lists them: npm test -- V2 F1`,
    );
    return [count('the controls that were asked for', 1)];
  }
  const scratch = await mkdtemp(path.join(tmpdir(), 'spuff-test-'));
  try {
    return [
      count('build', await runProgram(['scripts/build.ts'])),
      count('base image', await runProgram(['test/machine/prepare.ts'])),
      await runTests({ project: 'machine', name: 'controls', folders }, scratch),
    ];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function runMachineTests(scratch: string): Promise<Tally[]> {
  const owner = process.env['SPUFF_TEST_OWNER'] ?? 'spuff-test';
  const machineRuns = machineLanes.map(({ name, beginnings }): TestRun => {
    return { project: 'machine', name, folders: beginnings, env: { SPUFF_TEST_OWNER: `${owner}-${name}` } };
  });
  const runs = [...machineRuns, fuzzTests];
  const tallies = await Promise.all(runs.map((run) => runTests(run, scratch)));
  const settled: Tally[] = [];
  for (const [index, run] of runs.entries())
    settled.push(await repeatFailed(run, tallies[index] as Tally, scratch));
  return settled;
}

const wanted = process.argv.slice(2);
const tally = sum(await (wanted.length === 0 ? runEverything() : proveControls(wanted)));
console.log(describe(tally));
process.exitCode = tally.failures.length > 0 ? 1 : 0;
