import { checkNames, runChecks } from './run-checks.ts';

const findings = await runChecks(checkNames);
const failed = findings.filter(({ exitCode }) => exitCode !== 0);
const names = failed.map(({ name }) => name).join(', ');
console.log(
  failed.length > 0 ? `check failed: ${names}` : `check passed: ${findings.length} of ${findings.length}`,
);
process.exitCode = failed.length > 0 ? 1 : 0;
