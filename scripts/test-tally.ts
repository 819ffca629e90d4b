/** What came of a run of tests, as numbers and names. */
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

export interface Failure {
  /** Relative to the repository; the name of a program that is no test. */
  file: string;
  /** Empty: the file, or the run, as a whole. */
  test: string;
  message: string;
}

export interface Tally {
  passed: number;
  skipped: number;
  failures: readonly Failure[];
  /** What failed first, and passed by itself. */
  unsteady?: readonly Failure[];
}

/** What is read of vitest's JSON report. */
interface VitestReport {
  numPassedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: ReadonlyArray<{
    name: string;
    status: string;
    message?: string;
    assertionResults: ReadonlyArray<{
      status: string;
      fullName: string;
      failureMessages?: readonly string[];
    }>;
  }>;
}

/** More files than this are no accident. */
const mostFilesToRepeat = 5;
const longestMessage = 1_500;

export function countProgram(name: string, exitCode: number): Tally {
  const failure = { file: name, test: '', message: `exited with ${exitCode}` };
  return { passed: exitCode === 0 ? 1 : 0, skipped: 0, failures: exitCode === 0 ? [] : [failure] };
}

export function readReport(value: unknown, run: { name: string; root: string; exitCode: number }): Tally {
  const report = value as VitestReport;
  const failures = report.testResults.flatMap((result): Failure[] => {
    const file = path.relative(run.root, result.name);
    const failed = result.assertionResults.filter(({ status }) => status === 'failed');
    // A file that can't be loaded, or whose hooks fail, may have no test to count as failed.
    if (failed.length === 0 && result.status === 'failed')
      return [{ file, test: '', message: result.message ?? '' }];
    return failed.map(({ fullName, failureMessages }) => ({
      file,
      test: fullName,
      message: failureMessages?.join('\n') ?? '',
    }));
  });
  // An error outside any test, or no test at all, fails the run without failing a test.
  const isLost = failures.length === 0 && run.exitCode !== 0;
  return {
    passed: report.numPassedTests,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: isLost ? countProgram(`${run.name} tests`, run.exitCode).failures : failures,
  };
}

/** The files to run once more; none when too much failed, or when it is not known where. */
export function filesToRepeat({ failures }: Tally): string[] {
  const files = [...new Set(failures.map(({ file }) => file))];
  const areTests = files.every((file) => file.endsWith('.test.ts'));
  return areTests && files.length <= mostFilesToRepeat ? files : [];
}

/** @param again the run of the files with failures alone */
export function settleRepeat(first: Tally, again: Tally): Tally {
  const key = ({ file, test }: Failure) => `${file}\0${test}`;
  const still = new Set(again.failures.map(key));
  // A file whose run failed as a whole has proven none of its tests.
  const brokenFiles = new Set(again.failures.filter(({ test }) => test === '').map(({ file }) => file));
  const unsteady = first.failures.filter(
    (failure) => !still.has(key(failure)) && !brokenFiles.has(failure.file) && again.passed > 0,
  );
  const steady = first.failures.filter((failure) => !unsteady.includes(failure));
  const known = new Set(first.failures.map(key));
  const fresh = again.failures.filter((failure) => !known.has(key(failure)));
  return { ...first, passed: first.passed + unsteady.length, failures: [...steady, ...fresh], unsteady };
}

export function sum(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((all, { passed }) => all + passed, 0),
    skipped: tallies.reduce((all, { skipped }) => all + skipped, 0),
    failures: tallies.flatMap(({ failures }) => failures),
    unsteady: tallies.flatMap(({ unsteady }) => unsteady ?? []),
  };
}

/** Names all that failed, and that passed only by itself; the last line counts. */
export function describe({ passed, skipped, failures, unsteady = [] }: Tally): string {
  const lines = [
    ...unsteady.map((failure) => tell('UNSTEADY (passed when run again, alone)', failure)),
    ...failures.map((failure) => tell('FAILED', failure)),
  ];
  const skips = skipped > 0 ? `, ${skipped} skipped` : '';
  return [...lines, `${passed} passed, ${failures.length} failed${skips}`].join('\n');
}

function tell(verdict: string, { file, test, message }: Failure): string {
  const text = stripVTControlCharacters(message).slice(0, longestMessage).trim().replaceAll('\n', '\n    ');
  return `${verdict}: ${file}${test === '' ? '' : ` > ${test}`}\n    ${text}\n`;
}
