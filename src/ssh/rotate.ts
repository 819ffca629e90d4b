/** The first login: has the machine make a host key of its own, learns its public half, and has it put in place. */
import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { SpuffError } from '../domain/errors.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { escapeText } from '../lib/escape.ts';
import { startProcess } from '../lib/process.ts';
import { parsePublicKey } from '../lib/public-key.ts';
import { quoteCommand } from '../lib/shell-quote.ts';
import { buildLogin, type SshContext } from './argv.ts';
import { connectionFailed, makeFailure } from './classify-failure.ts';
import { buildRotation, parseRotationLine, type RotationEvent } from './rotation-script.ts';
import { openSshLog } from './ssh-log.ts';

export interface Rotation {
  injectedPublicKey: string;
  /** What an earlier run has learned; the machine must show the same. */
  knownPublicKey: string | null;
  checks: readonly (readonly string[])[];
  /** Called with the machine's public key before that is put in place; must have made it durable when it returns. */
  onKey: (publicKey: string) => void;
  signal: AbortSignal;
  timeoutMs: number;
}

/**
 * Returns as soon as sshd shows the new key; `ended` settles when the login is over.
 * @throws SpuffError `host-identity`, `connection`, `auth` and the others of a login; what `onKey` throws
 */
export async function rotateHostKey(
  target: SshTarget,
  context: SshContext,
  rotation: Rotation,
): Promise<{ publicKey: string; ended: Promise<unknown> }> {
  const mark = `spuff-${randomBytes(12).toString('hex')}`;
  const log = openSshLog(context.paths.runDirectory);
  const command = buildRotation({ ...rotation, mark });
  const child = await startProcess(buildLogin(target, context, command, log.path), {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { stdin, stdout, stderr } = child as { stdin: Writable; stdout: Readable; stderr: Readable };
  // A machine that hangs up early is reported by its exit status, not by the broken pipe.
  stdin.on('error', () => undefined);
  const kill = () => void child.kill('SIGKILL');
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, rotation.timeoutMs);
  rotation.signal.addEventListener('abort', kill, { once: true });
  const remarks = collectTail(stderr);
  const ended = new Promise<string>((resolve) => {
    child.once('close', () => {
      clearTimeout(timer);
      rotation.signal.removeEventListener('abort', kill);
      resolve(log.read());
      log.remove();
    });
  });
  const outcome = await converse(stdout, stdin, mark, rotation);
  if (outcome.kind === 'done') return { publicKey: outcome.publicKey, ended };
  if (outcome.kind !== 'closed') kill();
  const said = await ended;
  if (outcome.kind === 'stopped') throw outcome.error;
  rotation.signal.throwIfAborted();
  if (isLate) throw tookTooLong(target);
  // ssh writes some of its last words to standard error whatever it is told; 255 says that they are its own.
  const lastWords = await remarks;
  if (outcome.kind === 'closed' && child.exitCode === connectionFailed) {
    throw makeFailure(target, said.trim() === '' ? lastWords : said);
  }
  throw describeFailure(target, rotation, outcome, lastWords);
}

/** That the login was cut off says nothing of who was at the other end. */
function tookTooLong(target: SshTarget): SpuffError {
  return new SpuffError('timeout', `the first login to ${target.name} did not end in time`, {
    hints: [`go on with it: spuff up ${target.name}`],
  });
}

type Outcome =
  | { kind: 'done'; publicKey: string }
  | { kind: 'stopped'; error: unknown }
  | { kind: 'closed' }
  | { kind: 'event'; event: RotationEvent; output: string[] };

async function converse(
  stdout: Readable,
  stdin: Writable,
  mark: string,
  rotation: Rotation,
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let publicKey: string | null = null;
  const output: string[] = [];
  const take = (line: string) => {
    const event = parseRotationLine(line, mark);
    if (event?.kind === 'output') output.push(event.text);
    else if (event?.kind === 'key' && publicKey === null) {
      publicKey = acceptKey(event.key.line, rotation);
      stdin.write('install\n');
    } else if (event?.kind === 'done' && publicKey !== null) resolve({ kind: 'done', publicKey });
    else if (event) resolve({ kind: 'event', event, output });
  };
  eachLine(stdout, take).then(
    () => resolve({ kind: 'closed' }),
    (error: unknown) => resolve({ kind: 'stopped', error }),
  );
  return promise;
}

/** @throws SpuffError `host-identity` for a key that can't be the machine's own; what `onKey` throws */
function acceptKey(line: string, rotation: Rotation): string {
  const known = rotation.knownPublicKey === null ? null : parsePublicKey(rotation.knownPublicKey)?.line;
  if (line === parsePublicKey(rotation.injectedPublicKey)?.line || (known !== null && line !== known)) {
    throw new SpuffError(
      'host-identity',
      'the machine named a host key that can not be the one it has made',
      {
        hints: ['do not go on with this machine: remove it with spuff down'],
      },
    );
  }
  rotation.onKey(line);
  return line;
}

const reasons: Readonly<Record<string, string>> = {
  lost: 'it has lost the host key that it had made, or is not the same machine any more',
  busy: 'an earlier attempt is still at work on it',
  config: 'its sshd refuses its own configuration (sshd -t)',
  make: 'ssh-keygen failed on it',
  sync: 'the key can not be written to its disk',
  install: 'the key can not be put in place',
  lock: 'its /run can not be written',
  reload: 'its sshd does not start again with the new key',
};

function describeFailure(
  target: SshTarget,
  rotation: Rotation,
  outcome: Outcome,
  remarks: string,
): SpuffError {
  const anew = [`start over: spuff down ${target.name} && spuff up ${target.name}`];
  const event = outcome.kind === 'event' ? outcome.event : null;
  if (event?.kind === 'check-failed') {
    const program = quoteCommand(rotation.checks[event.index] ?? []);
    const output = outcome.kind === 'event' ? outcome.output.join('\n') : '';
    const detail = escapeText(output === '' ? '' : `:\n${output}`);
    return new SpuffError(
      'provider',
      `a check on ${target.name} failed, ${program} gave ${event.exitCode}${detail}`,
      {
        hints: anew,
      },
    );
  }
  const last = escapeText(remarks.trim().split('\n').at(-1) ?? '', { singleLine: true });
  const reason = event?.kind === 'failed' ? reasons[event.reason] : undefined;
  const why = reason ?? (last === '' ? 'it broke off' : `it said: ${last}`);
  return new SpuffError('host-identity', `${target.name} made no host key of its own: ${why}`, {
    hints: anew,
  });
}

async function eachLine(stream: Readable, take: (line: string) => void): Promise<void> {
  stream.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    // No line of ours is that long: what a login shell prints without an end is not kept.
    rest = (lines.pop() ?? '').slice(0, 65_536);
    for (const line of lines) take(line);
  }
}

async function collectTail(stream: Readable): Promise<string> {
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream as AsyncIterable<string>) text = (text + chunk).slice(-4_096);
  return text;
}
