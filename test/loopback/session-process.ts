/**
 * A process that opens one session or copies, as the CLI does, with its own standard streams and signals. It is given its
 * work as JSON and ends with the session's status, or with that of the error, which it prints as JSON.
 */
import { SpuffError } from '../../src/domain/errors.ts';
import type { SessionOptions, SshTarget } from '../../src/domain/ssh.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { createOpenSsh } from '../../src/ssh/open-ssh.ts';
import { makeAuditScene } from '../fakes/sample-audit.ts';

export type SessionWork = { home: string; target: SshTarget } & (
  | { argv: readonly string[] | null; options: SessionOptions }
  | { from: readonly string[]; to: string; recursive: boolean }
);

const work = JSON.parse(process.argv[2] ?? '') as SessionWork;
const ssh = createOpenSsh({
  ...{ home: work.home, runtime: systemRuntime, mayAsk: false },
  audit: makeAuditScene(work.home).open(),
});
try {
  process.exitCode =
    'argv' in work
      ? await ssh.openSession(work.target, work.argv, work.options)
      : await ssh.copy(work.target, { from: work.from, to: work.to }, { recursive: work.recursive });
} catch (error) {
  if (!(error instanceof SpuffError)) throw error;
  process.stderr.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`);
  process.exitCode = error.exitStatus;
}
