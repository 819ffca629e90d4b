import { SpuffError } from '../domain/errors.ts';
import { isInstanceName } from '../domain/names.ts';
import type { AppContext } from './context.ts';
import { findReadyInstance } from './find-instance.ts';
import { sshTargetOf } from './select-instance.ts';

/** A path as the user wrote it. `machine` is null for a file here, and '' for the instance of this directory. */
export interface CopyPath {
  machine: string | null;
  path: string;
}

/**
 * Reads `NAME:PATH`, `:PATH`, or a file here. As with scp, a colon behind a slash belongs to a file here.
 * @throws SpuffError `usage` where a colon stands behind something that can't be the name of an instance
 */
export function parseCopyPath(text: string): CopyPath {
  const colon = text.indexOf(':');
  const slash = text.indexOf('/');
  if (text === '') throw new SpuffError('usage', 'a path is empty');
  if (text.includes('\0')) throw new SpuffError('usage', 'a path cannot hold a NUL character');
  if (colon < 0 || (slash >= 0 && slash < colon)) return { machine: null, path: text };
  const machine = text.slice(0, colon);
  if (machine !== '' && !isInstanceName(machine)) {
    throw new SpuffError(
      'usage',
      `${JSON.stringify(machine)} in ${JSON.stringify(text)} is not an instance name`,
      {
        hints: [`for a file here write ./ before it: ./${text}`],
      },
    );
  }
  return { machine, path: text.slice(colon + 1) };
}

/**
 * Copies between this machine and one instance.
 * @returns the exit status of scp
 * @throws SpuffError `usage` unless exactly one side is on an instance
 */
export async function copyFiles(
  context: AppContext,
  request: { from: readonly string[]; to: string; recursive: boolean },
): Promise<number> {
  const from = request.from.map(parseCopyPath);
  const to = parseCopyPath(request.to);
  const machine = machineOf(from, to);
  const instance = await findReadyInstance(context, machine === '' ? undefined : machine);
  const ssh = await context.ssh();
  return ssh.copy(
    sshTargetOf(instance),
    { from: from.map(toPortPath), to: toPortPath(to) },
    { recursive: request.recursive, signal: context.signal },
  );
}

function machineOf(from: readonly CopyPath[], to: CopyPath): string {
  const sides = new Set(from.map((path) => path.machine));
  const [side = null] = sides;
  if (sides.size !== 1 || (side === null) === (to.machine === null)) {
    throw new SpuffError('usage', 'spuff cp copies between here and one instance', {
      hints: ['up: spuff cp notes.txt demo:notes.txt', 'down: spuff cp demo:notes.txt .'],
    });
  }
  return side ?? to.machine ?? '';
}

/** The port marks the machine's side with a colon; how scp must be told the names is its business. */
function toPortPath({ machine, path }: CopyPath): string {
  return machine === null ? path : `:${path}`;
}
