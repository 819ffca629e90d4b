/**
 * Asks the person whether a signature may be made: on the terminal of the session, or, where there is none, with the
 * desktop's dialog that ssh itself would use.
 */
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ReadStream, WriteStream } from 'node:tty';
import type { GuardQuestion, PausableSession } from '../../domain/guard.ts';
import { escapeText } from '../../lib/escape.ts';
import { runProcess } from '../../lib/process.ts';

/** @returns false for a no, for no answer in time, and where there is nobody to ask */
export async function askPerson(question: GuardQuestion, session: PausableSession | null): Promise<boolean> {
  const text = describeQuestion(question);
  const dialog = chooseDialog(process.env, session !== null);
  if (dialog !== null) return askDialog(dialog, text, question.timeoutMs);
  return session !== null && askTerminal(session, text, question.timeoutMs);
}

/** Names that come from the machine, such as the user, are escaped: they must not draw another question. */
export function describeQuestion({ instanceName, request }: GuardQuestion): string {
  const show = (text: string | null) => escapeText(text ?? '?', { singleLine: true }).slice(0, 100);
  const what =
    request.kind === 'commit'
      ? 'sign a git commit or tag'
      : `log in to ${show(request.destination)} as ${show(request.user)}`;
  return `${show(instanceName)} asks to ${what} with your key ${show(request.keyFingerprint)}`;
}

/**
 * As ssh-add(1) does it: SSH_ASKPASS names the program, and needs a display unless it is forced. The terminal comes first
 * where there is one, unless SSH_ASKPASS_REQUIRE says otherwise.
 */
export function chooseDialog(env: NodeJS.ProcessEnv, hasTerminal: boolean): string | null {
  const program = env['SSH_ASKPASS'] ?? '';
  const require = env['SSH_ASKPASS_REQUIRE'] ?? '';
  if (program === '' || require === 'never') return null;
  if (require === 'force' || require === 'prefer') return program;
  const hasDisplay = (env['DISPLAY'] ?? '') !== '' || (env['WAYLAND_DISPLAY'] ?? '') !== '';
  return hasTerminal || !hasDisplay ? null : program;
}

async function askDialog(program: string, text: string, timeoutMs: number): Promise<boolean> {
  try {
    const env = { SSH_ASKPASS_PROMPT: 'confirm' };
    const { exitCode, timedOut } = await runProcess([program, `${text}?`], { timeoutMs, env });
    return exitCode === 0 && !timedOut;
  } catch {
    // A dialog that can't be shown has not been agreed to.
    return false;
  }
}

/** What the machine made the terminal answer before it was silenced has come by then, and is thrown away. */
const settleMs = 300;
const ctrlC = 3;
const enter = new Set([10, 13]);

/**
 * The session is stopped meanwhile, so that nobody else reads what is typed and the machine draws nothing over the question.
 * A whole word is asked for: a machine can make a terminal send single characters.
 */
async function askTerminal(session: PausableSession, text: string, timeoutMs: number): Promise<boolean> {
  const fds: number[] = [];
  session.pause();
  try {
    fds.push(openSync('/dev/tty', 'r'), openSync('/dev/tty', 'w'));
    const [inputFd = -1, outputFd = -1] = fds;
    const input = new ReadStream(inputFd);
    const output = new WriteStream(outputFd);
    // The streams own the descriptors now.
    fds.length = 0;
    try {
      // Back to what it is now, which is what ssh has made of it, when raw mode ends.
      input.setRawMode(true);
      return await readConsent(input, output, text, timeoutMs);
    } finally {
      input.setRawMode(false);
      input.destroy();
      output.destroy();
    }
  } catch {
    return false;
  } finally {
    for (const fd of fds) closeSync(fd);
    session.resume();
  }
}

async function readConsent(
  input: ReadStream,
  output: WriteStream,
  text: string,
  timeoutMs: number,
): Promise<boolean> {
  const seconds = Math.ceil(timeoutMs / 1_000);
  const flush = () => undefined;
  input.on('data', flush);
  await delay(settleMs);
  input.off('data', flush);
  output.write(`\r\n\x1b[0mspuff: ${text}.\r\nspuff: type yes and Enter to allow it (${seconds} s): `);
  const answer = await readLine(input, output, timeoutMs);
  const allowed = answer?.trim().toLowerCase() === 'yes';
  output.write(
    `\r\nspuff: ${allowed ? 'allowed' : answer === null ? 'not answered: refused' : 'refused'}\r\n`,
  );
  return allowed;
}

/** null: Ctrl-C, or nothing in time. */
function readLine(input: ReadStream, output: WriteStream, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    let typed = '';
    const end = (answer: string | null) => {
      clearTimeout(timer);
      input.off('data', onData);
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), timeoutMs);
    const onData = (chunk: Buffer) => {
      for (const byte of chunk) {
        if (byte === ctrlC) return end(null);
        if (enter.has(byte)) return end(typed);
        if (byte >= 0x20 && byte < 0x7f && typed.length < 40) {
          typed += String.fromCharCode(byte);
          output.write(String.fromCharCode(byte));
        }
      }
    };
    input.on('data', onData);
    input.on('error', () => end(null));
  });
}
