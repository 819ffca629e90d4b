/** Programs on the machine whose output we want: over the shared connection, one ssh each. */
import { setTimeout as delay } from 'node:timers/promises';
import { formatDuration } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import type { RunOptions, RunResult, SshTarget } from '../domain/ssh.ts';
import { runProcess } from '../lib/process.ts';
import { buildSession, type SshContext } from './argv.ts';
import { wrapCommand } from './remote-command.ts';
import { requireSessionEnd } from './session-end.ts';
import { endSharedConnection, openSharedConnection } from './shared-connection.ts';
import { makeMark, signalProgram } from './signal-program.ts';
import { openSshLog } from './ssh-log.ts';

/**
 * Runs a program and collects what it prints. When it is stopped from this side, it is stopped on the machine too.
 * @throws SpuffError `connection` and the others of a login, `timeout`, `interrupted`
 */
export async function runProgram(
  target: SshTarget,
  context: SshContext,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const mark = makeMark();
  const command = wrapCommand(argv, mark);
  await openSharedConnection(target, context, options.signal ? { signal: options.signal } : {});
  const log = openSshLog(context.paths.runDirectory);
  const request = {
    command,
    tty: 'no',
    shared: true,
    forwardAgent: 'no',
    sshArgs: [],
    logPath: log.path,
  } as const;
  const local = new AbortController();
  const running = runProcess(buildSession(target, context, request), {
    ...(options.stdin !== undefined && { stdin: options.stdin }),
    ...(options.onOutput && { onOutput: options.onOutput }),
    signal: local.signal,
  });
  const stop = async () => {
    let tries = 0;
    const outcome = await signalProgram(target, context, mark, 'SIGKILL', () => tries++ < 2);
    // The process behind the shared connection holds the pipes: where it can't reach the machine, it has to go as well.
    if (outcome === 'unreachable') await endSharedConnection(target.key, context.paths.controlSocket);
    local.abort();
    await Promise.race([running.catch(() => undefined), delay(2_000, undefined, { ref: false })]);
  };
  try {
    const name = `${argv[0]} on ${target.name}`;
    const { stdout, stderr, exitCode } = await untilCut(running, name, options, stop);
    requireSessionEnd(target, exitCode, log);
    return { stdout, stderr, exitCode };
  } finally {
    log.remove();
  }
}

/**
 * Waits for the end, the time limit or the abort, whichever is first; `stop` is awaited before the error is thrown.
 * @throws SpuffError `timeout` | `interrupted`
 */
async function untilCut<T>(
  running: Promise<T>,
  name: string,
  options: Pick<RunOptions, 'timeoutMs' | 'signal'>,
  stop: () => Promise<void>,
): Promise<T> {
  const { signal, timeoutMs } = options;
  const cut = Promise.withResolvers<SpuffError>();
  const onAbort = () =>
    cut.resolve(new SpuffError('interrupted', `${name} was stopped`, { cause: signal?.reason }));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          cut.resolve(new SpuffError('timeout', `${name} did not end within ${formatDuration(timeoutMs)}`));
        }, timeoutMs);
  try {
    const first = await Promise.race([running.then((result) => ({ result })), cut.promise]);
    if (!(first instanceof SpuffError)) return first.result;
    await stop();
    throw first;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
