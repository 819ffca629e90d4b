/** A login that proves a key: ssh's own log says which one has opened the machine, before anything is run there. */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { SpuffError } from '../domain/errors.ts';
import type { RunResult, Ssh, SshTarget } from '../domain/ssh.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';
import { buildSession, type SshContext } from './argv.ts';
import { readPublicHalf, toKeyPairPaths } from './key-file.ts';
import { wrapCommand } from './remote-command.ts';
import { requireSessionEnd } from './session-end.ts';
import { makeMark } from './signal-program.ts';
import { openSshLog, type SshLog } from './ssh-log.ts';

type ProvenOptions = Parameters<Ssh['runProven']>[2];

/** Says that it is in, and waits for the same word before it goes on. Without it (this side has died) nothing is run. */
const gate = `printf '%s\\n' "$1";read -r word;[ "$word" = "$1" ]||exit 3;shift;exec "$@" </dev/null`;

const maxCharacters = 1_048_576;

/** See `Ssh.runProven`. A configuration file may name further keys: what has opened the machine is in the log. */
export async function runProven(
  target: SshTarget,
  context: SshContext,
  argv: readonly string[],
  options: ProvenOptions,
): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const wanted = target.publicKeyPath === null ? null : readPublicHalf(toKeyPairPaths(target.publicKeyPath));
  const mark = makeMark();
  const log = openSshLog(context.paths.runDirectory);
  const command = wrapCommand(['sh', '-c', gate, 'spuff', mark, ...argv], makeMark());
  const child = await startProcess(
    buildSession(target, context, {
      ...{ command, tty: 'no', shared: false, forwardAgent: 'no', sshArgs: [], logPath: log.path },
    }),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  try {
    return await converse(child, { target, wanted: wanted?.fingerprint ?? null, mark, log, options });
  } finally {
    log.remove();
  }
}

interface Conversation {
  target: SshTarget;
  wanted: string | null;
  mark: string;
  log: SshLog;
  options: ProvenOptions;
}

async function converse(child: ChildProcess, conversation: Conversation): Promise<RunResult> {
  const { target, mark, log, options } = conversation;
  const { stdin, stdout, stderr } = child as { stdin: Writable; stdout: Readable; stderr: Readable };
  // A machine that hangs up early is reported by its exit status, not by the broken pipe.
  stdin.on('error', () => undefined);
  let failure: unknown = null;
  const stop = (error: unknown) => {
    failure ??= error;
    child.kill('SIGKILL');
  };
  const letIn = () => {
    try {
      options.onProven(requireKey(conversation));
      stdin.end(`${mark}\n`);
    } catch (error) {
      stop(error);
    }
  };
  const timer = setTimeout(
    () => stop(new SpuffError('timeout', `a login to ${target.name} did not end in time`)),
    options.timeoutMs,
  );
  const onAbort = () => stop(new SpuffError('interrupted', `a login to ${target.name} was stopped`));
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const ended = Promise.withResolvers<[number | null, NodeJS.Signals | null]>();
    child.once('close', (...end) => ended.resolve(end));
    const [out, err, end] = await Promise.all([
      collectAfter(stdout, mark, letIn),
      collectAfter(stderr, null, () => undefined),
      ended.promise,
    ]);
    if (failure !== null) throw failure;
    const exitCode = exitCodeOf(...end);
    requireSessionEnd(target, exitCode, log);
    return { stdout: out, stderr: err, exitCode };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

/** @throws SpuffError `auth` when it was another key than the one that is to be proven */
function requireKey({ target, wanted, log }: Conversation): string {
  const used = readAcceptedKey(log.read());
  if (used !== null && (wanted === null || used === wanted)) return used;
  throw new SpuffError('auth', `${target.name} was opened by another key (${used ?? 'of an unknown kind'})`, {
    hints: [
      "take IdentityFile and CertificateFile out of what ~/.ssh/config says of spuff's machines",
      `wanted: ${wanted ?? 'any key'}`,
    ],
  });
}

/**
 * The fingerprint of the key that logged in, by ssh's log at DEBUG1 or finer; null when the log does not tell. A key that is
 * accepted and then can't sign is followed by another one, so the last one counts.
 */
export function readAcceptedKey(log: string): string | null {
  const lines = [...log.matchAll(/^debug1: Server accepts key: .* (SHA256:[A-Za-z0-9+/]{43})(?: |\r?$)/gm)];
  return lines.at(-1)?.[1] ?? null;
}

/** All text, or what comes after the line that is the mark; what a login shell prints before is not kept. */
async function collectAfter(stream: Readable, mark: string | null, onMark: () => void): Promise<string> {
  stream.setEncoding('utf8');
  let text = '';
  let isBefore = mark !== null;
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      text = (text + chunk).slice(-maxCharacters);
      if (!isBefore) continue;
      const at = `\n${text}`.indexOf(`\n${mark}\n`);
      if (at < 0) continue;
      isBefore = false;
      text = text.slice(at + (mark?.length ?? 0) + 1);
      onMark();
    }
  } catch {
    // The pipe of a program that was ended: what came until then counts.
  }
  return isBefore ? '' : text;
}
