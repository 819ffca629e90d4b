import { readdirSync, rmSync } from 'node:fs';
import { homedir, release } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { makePrivateDirectory, writeFileAtomically } from './atomic-file.ts';
import { scrubText } from './scrub.ts';
import { isSecretName } from './token-shapes.ts';

export interface CrashReport {
  /** Where reports lie; made, 0700, when missing. */
  directory: string;
  error: unknown;
  /** The arguments of spuff, without the program's own two. */
  argv: readonly string[];
  version: string;
  nowMs?: number;
}

const keptReports = 20;
const reportName = /^\d{4}-\d{2}-\d{2}T[\w-]+\.txt$/;

/**
 * Writes down what a bug report needs: versions, the command line up to `--`, and the stack with its causes; nothing of
 * the environment, no secret, and `~` for the home directory. Keeps the newest 20.
 * @returns the path of the report (0600), or null when it could not be written: the crash matters more
 */
export function writeCrashReport(report: CrashReport): string | null {
  try {
    const time = new Date(report.nowMs ?? Date.now()).toISOString();
    makePrivateDirectory(report.directory);
    const path = join(report.directory, `${time.replace(/[:.]/g, '-')}-${process.pid}.txt`);
    writeFileAtomically(path, formatReport(report, time));
    removeOldReports(report.directory);
    return path;
  } catch {
    return null;
  }
}

function formatReport(report: CrashReport, time: string): string {
  const lines = [
    `spuff ${report.version} met a bug on ${time}`,
    `node ${process.version}, ${process.platform} ${release()} ${process.arch}`,
    `command: spuff ${scrubArguments(report.argv).join(' ')}`,
    '',
    inspect(report.error, { depth: 4, breakLength: 120, maxStringLength: 4_000, maxArrayLength: 20 }),
  ];
  const text = scrubText(lines.join('\n'));
  const home = homedir();
  return `${home.length > 1 ? text.replaceAll(home, '~') : text}\n`;
}

/** What follows `--` is the user's own command line, and none of our business. */
function scrubArguments(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const shown = own.map((argument, index) => {
    const before = argv[index - 1] ?? '';
    const isSecretValue = before.startsWith('-') && isSecretName(before) && !argument.startsWith('-');
    return isSecretValue ? '[redacted]' : JSON.stringify(argument);
  });
  return end < 0 ? shown : [...shown, `-- [${argv.length - end - 1} more]`];
}

function removeOldReports(directory: string): void {
  const reports = readdirSync(directory).filter((name) => reportName.test(name));
  for (const name of reports.sort().slice(0, -keptReports)) rmSync(join(directory, name), { force: true });
}
