/**
 * What a machine runs to have its work saved: sent there as a program on standard input, so that it is the CLI's own
 * version, and started as the login user. The archive goes to standard output, and one line about it to standard error.
 *
 * Arguments: the most bytes of one untracked file, of all of them, and of commits and changes.
 */
import { existsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { collectWork } from '../agent/collect-work.ts';

const [maxFileBytes = 0, maxFilesBytes = 0, maxHistoryBytes = 0] = process.argv.slice(2).map(Number);

async function send(chunk: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

collectWork(
  {
    home: homedir(),
    // On a disk, where /tmp may be memory.
    temporary: existsSync('/var/tmp') ? '/var/tmp' : tmpdir(),
    limits: { maxFileBytes, maxFilesBytes, maxHistoryBytes },
  },
  send,
).then(
  (trailer) => process.stderr.write(`\n${JSON.stringify(trailer)}\n`),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
