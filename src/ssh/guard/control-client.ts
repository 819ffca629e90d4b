/** The other end of `control.ts`: finds the guards that run for an instance, and tells them something. */
import { readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemErrorCode } from '../../domain/errors.ts';
import type { GuardStatus } from '../../domain/guard.ts';
import type { GuardAnswer, GuardOperation } from '../../domain/guard-control.ts';
import type { InstanceKey } from '../../domain/ids.ts';
import { findRunDirectory } from '../run-directory.ts';

const socketName = /^k-(?<session>[0-9a-f]{8})$/;
const longestAnswer = 1024 * 1024;
const answerTimeoutMs = 5_000;
/** A guard that is being opened has a socket some moments before it listens. */
const openingMs = 200;

/** Tells every guard that runs for these instances, all at once. Never throws for a guard that fails. */
export async function tellGuards(
  home: string,
  operation: GuardOperation,
  keys: readonly InstanceKey[],
  timeoutMs = answerTimeoutMs,
): Promise<GuardAnswer[]> {
  const answers = await Promise.all(
    keys.flatMap((instanceKey) => {
      const directory = findRunDirectory(home, instanceKey);
      return listSessions(directory).map(async (session): Promise<GuardAnswer | null> => {
        const told = await tell(join(directory, `k-${session}`), operation, timeoutMs);
        return told && { instanceKey, session, ...told };
      });
    }),
  );
  return answers.filter((answer) => answer !== null);
}

type Told = { ok: true; status: GuardStatus } | { ok: false; error: string };

/** @returns null when nobody is there any more: then the socket is removed */
async function tell(path: string, operation: GuardOperation, timeoutMs: number): Promise<Told | null> {
  for (const isLast of [false, true]) {
    try {
      return readAnswer(await exchange(path, operation, timeoutMs));
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT') return null;
      if (code !== 'ECONNREFUSED')
        return { ok: false, error: error instanceof Error ? error.message : String(error) };
    }
    if (!isLast) await delay(openingMs);
  }
  rmSync(path, { force: true });
  return null;
}

/** One line each way, and the end. */
function exchange(path: string, operation: GuardOperation, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    const timer = setTimeout(() => socket.destroy(new Error('it did not answer in time')), timeoutMs);
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(`${JSON.stringify({ op: operation })}\n`));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > longestAnswer) socket.destroy(new Error('its answer is too long'));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

function readAnswer(text: string): Told {
  try {
    const answer = JSON.parse(text) as Partial<Record<'ok' | 'status' | 'error', unknown>>;
    if (answer.ok === true && typeof answer.status === 'object' && answer.status !== null)
      return { ok: true, status: answer.status as GuardStatus };
    if (answer.ok === false) return { ok: false, error: String(answer.error) };
  } catch {
    // It ended in the middle, or is no guard.
  }
  return { ok: false, error: 'it gave no answer that can be understood' };
}

function listSessions(directory: string): string[] {
  try {
    return readdirSync(directory).flatMap((name) => socketName.exec(name)?.groups?.['session'] ?? []);
  } catch {
    // No directory: nothing was ever opened.
    return [];
  }
}
