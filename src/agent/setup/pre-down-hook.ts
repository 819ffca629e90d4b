import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomically } from '../../lib/atomic-file.ts';
import { quoteArgument } from '../../lib/shell-quote.ts';
import type { SetupOrder } from '../../protocol/setup-schema.ts';
import { readText } from '../read-file.ts';
import type { PartOutcome } from './setup-scene.ts';

const mark = '# Written by "spuff setup": what is changed here is lost.';

/** Puts the project's commands where the hook's unit looks; a hook that somebody else has put there stays. */
export function placePreDownHook(
  path: string,
  { preDown, directory }: Pick<SetupOrder, 'preDown' | 'directory'>,
): PartOutcome {
  const there = readText(path);
  const isOwn = there === null || there.split('\n').includes(mark);
  if (!isOwn) {
    const detail = `${path} is not of spuff's making, and left as it is`;
    return preDown.length === 0 ? { state: 'done', detail: null } : { state: 'failed', detail };
  }
  if (preDown.length === 0) rmSync(path, { force: true });
  else {
    mkdirSync(dirname(path), { recursive: true });
    const lines = [
      '#!/bin/bash -l',
      mark,
      `cd ${quoteArgument(directory)} || exit 1`,
      'set -e',
      ...preDown,
      '',
    ];
    writeFileAtomically(path, lines.join('\n'), 0o755);
  }
  return { state: 'done', detail: null };
}
