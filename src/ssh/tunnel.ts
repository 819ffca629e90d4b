/** A connection of its own that carries ports and nothing else: it lends no agent, and takes no forwarding of a configuration file. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import type { PortWish } from '../domain/project.ts';
import type { SshTarget } from '../domain/ssh.ts';
import type { TunnelLink, TunnelLinkOptions } from '../domain/tunnel.ts';
import { escapeText } from '../lib/escape.ts';
import { runProcess, startProcess } from '../lib/process.ts';
import { buildControl, buildTunnel, type SshContext } from './argv.ts';
import { makeFailure } from './classify-failure.ts';
import { createWatchReader, watchCommand } from './listener-watch.ts';
import { endSharedConnection } from './shared-connection.ts';
import { openSshLog, type SshLog } from './ssh-log.ts';

/** For whoever must type a passphrase or touch a key. */
const loginTimeoutMs = 120_000;

/**
 * Logs in and gives the connection once the machine has told what listens there.
 * @throws SpuffError as ssh failed, `interrupted`, `timeout`
 */
export async function openTunnel(
  target: SshTarget,
  context: SshContext,
  options: TunnelLinkOptions,
): Promise<TunnelLink> {
  const { runDirectory } = context.paths;
  await endOrphans(target, runDirectory);
  const name = nameTunnel(process.pid);
  const controlSocket = join(runDirectory, name);
  const log = openSshLog(runDirectory, `${name}.log`);
  const child = await startTunnel(
    buildTunnel(target, context, { controlSocket, logPath: log.path, command: watchCommand }),
    log,
  );
  const watch = watchMachine(child, options);
  // A machine can have ssh write of each connection that it refuses.
  const shortening = setInterval(() => log.shorten(), 10_000).unref();
  const ended = once(child, 'exit').then(([, signalName]) =>
    describeExit(target, signalName as NodeJS.Signals | null, log),
  );
  const link: TunnelLink = {
    ended,
    forward: (port) => orderForward(target, controlSocket, port),
    answers: (timeoutMs) => watch.ask(timeoutMs),
    close: async () => {
      clearInterval(shortening);
      await end(child, controlSocket, log);
    },
  };
  try {
    await withinLogin(
      Promise.race([watch.firstList, ended.then((failure) => Promise.reject(failure))]),
      options.signal,
    );
  } catch (error) {
    await link.close();
    throw error;
  }
  return link;
}

/** Names whose it is: six digits for the process, as many as Linux has at most, and two by chance. */
function nameTunnel(pid: number): string {
  return `t-${(pid % 0x1000000).toString(16).padStart(6, '0')}${randomBytes(1).toString('hex')}`;
}

/**
 * Ends what a killed process has left. Its program on the machine ends by itself, but ssh goes on for as long as something
 * holds one of its forwarded connections, and keeps the ports.
 */
async function endOrphans(target: SshTarget, runDirectory: string): Promise<void> {
  for (const name of readdirSync(runDirectory)) {
    const pid = Number.parseInt(/^t-([0-9a-f]{6})[0-9a-f]{2}(?:\.log)?$/.exec(name)?.[1] ?? '', 16);
    if (Number.isNaN(pid) || isProcess(pid)) continue;
    await endSharedConnection(target.key, join(runDirectory, name));
    rmSync(join(runDirectory, name), { force: true });
  }
}

function isProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) !== 'ESRCH';
  }
}

async function startTunnel(argv: readonly string[], log: SshLog): Promise<ChildProcess> {
  try {
    return await startProcess(argv, { stdio: 'pipe' });
  } catch (error) {
    log.remove();
    throw error;
  }
}

interface MachineWatch {
  firstList: Promise<void>;
  ask(timeoutMs: number): Promise<boolean>;
}

function watchMachine(child: ChildProcess, options: TunnelLinkOptions): MachineWatch {
  const first = Promise.withResolvers<void>();
  let isIn = false;
  let onPong: (answered: boolean) => void = () => undefined;
  const reader = createWatchReader({
    onListeners: (listeners) => {
      isIn = true;
      first.resolve();
      options.onListeners(listeners);
    },
    onPong: () => onPong(true),
  });
  child.stdout?.setEncoding('utf8').on('data', (text: string) => reader.push(text));
  // The machine writes here too: only what ssh itself asks of the user before it is in is passed on.
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const prompt = isIn ? undefined : /^Confirm user presence[^\n]*/m.exec(text)?.[0];
    if (prompt !== undefined) options.onPrompt(escapeText(prompt, { singleLine: true }));
  });
  // It may have ended before it has read what it is asked.
  child.stdin?.on('error', () => undefined);
  return {
    firstList: first.promise,
    ask: async (timeoutMs) => {
      const answer = Promise.withResolvers<boolean>();
      onPong = answer.resolve;
      child.stdin?.write('.');
      return Promise.race([answer.promise, delay(timeoutMs, false, { ref: false })]);
    },
  };
}

async function withinLogin(login: Promise<void>, signal: AbortSignal): Promise<void> {
  const cut = Promise.withResolvers<never>();
  const onAbort = () => cut.reject(new SpuffError('interrupted', 'the login was stopped'));
  const timer = setTimeout(
    () => cut.reject(new SpuffError('timeout', 'the login took too long')),
    loginTimeoutMs,
  );
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await Promise.race([login, cut.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** `localhost` and no address: what listens on ::1 alone, as some servers for development do, is reached too. */
async function orderForward(target: SshTarget, controlSocket: string, port: PortWish): Promise<void> {
  const local = `127.0.0.1:${port.local}`;
  const request = { operation: 'forward', local, remote: `localhost:${port.remote}` } as const;
  const result = await runProcess(buildControl(target, controlSocket, request), { timeoutMs: 10_000 });
  if (result.exitCode === 0) return;
  throw new SpuffError('conflict', `ssh could not listen on ${local}`, {
    hints: [`give another port: ${port.local + 1_000 > 65_535 ? 8_080 : port.local + 1_000}:${port.remote}`],
    cause: new Error(escapeText(result.stderr.trim())),
  });
}

function describeExit(target: SshTarget, name: NodeJS.Signals | null, log: SshLog): SpuffError {
  const said = ownWords(log.read());
  if (name === null || said.trim() !== '') return makeFailure(target, said);
  return new SpuffError('connection', `the connection to ${target.name} ended: ssh was stopped by ${name}`);
}

/** What ssh says of the connection; not of single channels, where "Connection refused" is a server that does not run. */
function ownWords(text: string): string {
  const lines = text.split('\n').slice(-40);
  return lines
    .filter((line) => !/^(?:channel |mux_|bind |connect_to |.*cannot listen to port)/.test(line))
    .join('\n');
}

async function end(child: ChildProcess, controlSocket: string, log: SshLog): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const isGone = await Promise.race([exited.then(() => true), delay(2_000, false)]);
    if (!isGone) child.kill('SIGKILL');
  }
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
  rmSync(controlSocket, { force: true });
  log.remove();
}
