import { describe, it } from 'vitest';
import {
  countProgram,
  describe as describeTally,
  filesToRepeat,
  readReport,
  settleRepeat,
  sum,
} from '../../scripts/test-tally.ts';

function reportOf(tests: Record<string, 'passed' | 'failed'>, file = '/r/test/e2e/a.test.ts') {
  const assertionResults = Object.entries(tests).map(([fullName, status]) => ({
    status,
    fullName,
    failureMessages: status === 'failed' ? ['\u001b[31mexpected 1\u001b[39m'] : [],
  }));
  const numPassedTests = assertionResults.filter(({ status }) => status === 'passed').length;
  const status = numPassedTests === assertionResults.length ? 'passed' : 'failed';
  return {
    numPassedTests,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [{ name: file, status, assertionResults }],
  };
}

function tallyOf(tests: Record<string, 'passed' | 'failed'>, exitCode = 1) {
  return readReport(reportOf(tests), { name: 'e2e', root: '/r', exitCode });
}

describe('the end of a test run', () => {
  it('names what failed before it counts', ({ expect }) => {
    const text = describeTally(sum([tallyOf({ one: 'passed', two: 'failed' }), countProgram('build', 0)]));
    expect(text).toContain('FAILED: test/e2e/a.test.ts > two\n    expected 1');
    expect(text.split('\n').at(-1)).toBe('2 passed, 1 failed');
  });

  it('counts a run that failed without a failed test', ({ expect }) => {
    expect(tallyOf({ one: 'passed' }).failures).toHaveLength(1);
    expect(tallyOf({ one: 'passed' }, 0).failures).toHaveLength(0);
  });

  it('lets what passes by itself pass, and names it as unsteady', ({ expect }) => {
    const first = tallyOf({ one: 'failed', two: 'passed', three: 'failed' });
    expect(filesToRepeat(first)).toEqual(['test/e2e/a.test.ts']);
    const settled = settleRepeat(first, tallyOf({ one: 'passed', two: 'passed', three: 'failed' }));
    expect(settled.failures.map(({ test }) => test)).toEqual(['three']);
    expect(describeTally(settled)).toContain(
      'UNSTEADY (passed when run again, alone): test/e2e/a.test.ts > one',
    );
    expect(settled.passed).toBe(2);
  });

  it('believes in no repetition that did not come to its tests, or that broke something else', ({
    expect,
  }) => {
    const first = tallyOf({ one: 'failed', two: 'passed' });
    const lost = countProgram('e2e-again tests', 1);
    expect(settleRepeat(first, lost).failures.map(({ test }) => test)).toEqual(['one', '']);
    const other = settleRepeat(first, tallyOf({ one: 'passed', two: 'failed' }));
    expect(other.failures.map(({ test }) => test)).toEqual(['two']);
  });

  it('repeats nothing when too much failed, or what is no test', ({ expect }) => {
    const many = [1, 2, 3, 4, 5, 6].map((number) =>
      readReport(reportOf({ one: 'failed' }, `/r/test/${number}.test.ts`), {
        name: 'e2e',
        root: '/r',
        exitCode: 1,
      }),
    );
    expect(filesToRepeat(sum(many))).toEqual([]);
    expect(filesToRepeat(countProgram('types', 2))).toEqual([]);
  });
});
