import { closeSync, constants, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { escapeText } from '../lib/escape.ts';

/**
 * Writes a line to each terminal of the user it runs as. It runs as the login user, who owns those terminals: the agent
 * itself may write to none.
 * @returns how many terminals took it
 */
export function showNotice(text: string, options: { folder: string; userId: number }): number {
  let shown = 0;
  for (const name of readdirSync(options.folder)) {
    if (!/^\d+$/.test(name)) continue;
    const path = join(options.folder, name);
    try {
      if (statSync(path).uid !== options.userId) continue;
      // Without O_NONBLOCK a terminal that was stopped with Ctrl-S would hold this up.
      const fd = openSync(path, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
      try {
        writeSync(fd, `\r\n\u0007*** spuff: ${escapeText(text, { singleLine: true })}\r\n`);
        shown++;
      } finally {
        closeSync(fd);
      }
    } catch {
      // The terminal was closed meanwhile, or takes nothing: the others still get it.
    }
  }
  return shown;
}
