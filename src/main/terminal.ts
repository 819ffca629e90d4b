import { isatty } from 'node:tty';
import type { OutputStream, Terminal } from '../cli/render/terminal.ts';

/** The terminal, or whatever stands in its place, as this process was given it. */
export function createTerminal(): Terminal {
  return {
    out: createOutput(process.stdout),
    err: createOutput(process.stderr),
    // Not `process.stdin.isTTY`: naming that stream opens it, and what a command's child should read would be gone.
    inputIsTerminal: isatty(0),
    env: process.env,
  };
}

function createOutput(stream: NodeJS.WriteStream): OutputStream {
  let closed = false;
  // Whoever reads us has had enough (`| head`): the rest goes nowhere, and that is no error.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    closed = true;
  });
  return {
    write: (text) => {
      if (!closed) stream.write(text);
    },
    isClosed: () => closed,
    isTerminal: stream.isTTY === true,
    columns: () => stream.columns || 80,
    onResize: (listener) => {
      stream.on('resize', listener);
      return () => stream.off('resize', listener);
    },
  };
}
