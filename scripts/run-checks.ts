import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';

interface Check {
  name: string;
  /** A file under `node_modules` or the project, and its arguments, run by this Node. */
  argv: readonly string[];
}

export interface Finding {
  name: string;
  exitCode: number;
  output: string;
  elapsedMs: number;
}

/** The slow ones first, so that the short ones fill up the other cores. */
const checks: readonly Check[] = [
  {
    name: 'fast tests',
    argv: ['node_modules/vitest/vitest.mjs', 'run', '--project', 'fast'],
  },
  { name: 'types', argv: ['node_modules/typescript/bin/tsc', '--project', '.', '--pretty', 'false'] },
  { name: 'unused code', argv: ['node_modules/knip/bin/knip.js', '--no-progress'] },
  {
    name: 'lint and format',
    argv: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '--max-diagnostics=60'],
  },
  { name: 'import rules', argv: ['scripts/check-imports.ts'] },
];

/** A check that hangs must not hang the gate; the tests' own output then shows which files did end. */
const checkTimeoutMs = 600_000;

export const checkNames: readonly string[] = checks.map(({ name }) => name);

const root = path.resolve(import.meta.dirname, '..');

function runCheck({ name, argv }: Check): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const chunks: Buffer[] = [];
    const child = spawn(process.execPath, argv, {
      cwd: root,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: checkTimeoutMs,
      killSignal: 'SIGKILL',
    });
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const output = Buffer.concat(chunks).toString('utf8').trim();
      const ending = signal ? `\nended by ${signal}` : '';
      const elapsedMs = performance.now() - startedMs;
      resolve({ name, exitCode: code ?? 1, output: `${output}${ending}`, elapsedMs });
    });
  });
}

function report({ name, exitCode, output, elapsedMs }: Finding): void {
  const verdict = exitCode === 0 ? 'ok' : 'FAILED';
  console.log(`${verdict.padEnd(6)} ${name} (${(elapsedMs / 1000).toFixed(1)} s)`);
  if (exitCode !== 0) console.log(`${output.replace(/^/gm, '    ')}\n`);
}

/** Runs the checks of these names, as many at a time as there are cores; none stops the others. */
export async function runChecks(names: readonly string[]): Promise<Finding[]> {
  const queue = checks.filter(({ name }) => names.includes(name));
  const findings: Finding[] = [];
  const takeNext = async (): Promise<void> => {
    for (let check = queue.shift(); check; check = queue.shift()) {
      const finding = await runCheck(check);
      report(finding);
      findings.push(finding);
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, takeNext));
  return findings;
}
