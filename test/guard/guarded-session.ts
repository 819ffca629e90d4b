/**
 * A process that opens one session with what it lends, as the CLI does: the guard, the raw agent or nothing. It is given
 * its work as JSON, writes down what it would tell the person, and ends with the session's status.
 */
import { appendFileSync } from 'node:fs';
import { SpuffError } from '../../src/domain/errors.ts';
import type { Guard, GuardPolicy } from '../../src/domain/guard.ts';
import type { SshTarget } from '../../src/domain/ssh.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { createOpenSsh } from '../../src/ssh/open-ssh.ts';
import { makeAuditScene } from '../fakes/sample-audit.ts';

export interface GuardedWork {
  home: string;
  target: SshTarget;
  lend: 'guard' | 'raw';
  policy: GuardPolicy;
  mayAsk: boolean;
  argv: readonly string[];
  tty: boolean;
  /** Each refusal is appended as a line of JSON. */
  toldPath: string;
}

const work = JSON.parse(process.argv[2] ?? '') as GuardedWork;
const ssh = createOpenSsh({
  ...{ home: work.home, runtime: systemRuntime, mayAsk: false },
  audit: makeAuditScene(work.home).open(),
});

async function openGuard(): Promise<Guard | null> {
  return ssh.openGuard(work.target, {
    loadPolicy: async () => work.policy,
    mayAsk: work.mayAsk,
    onRefused: (record) => appendFileSync(work.toldPath, `${JSON.stringify(record)}\n`),
  });
}

try {
  const guard = work.lend === 'guard' ? await openGuard() : null;
  const forwardAgent = work.lend === 'raw' ? 'raw' : (guard ?? false);
  try {
    const { argv, tty } = work;
    process.exitCode = await ssh.openSession(work.target, argv, { tty, forwardAgent, shared: false });
  } finally {
    await guard?.close();
  }
} catch (error) {
  if (!(error instanceof SpuffError)) throw error;
  process.stderr.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`);
  process.exitCode = error.exitStatus;
}
