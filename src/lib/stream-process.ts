import { exitCodeOf, startProcess } from './process.ts';

export interface OutputStream {
  /** What the program prints, as it comes. */
  stream: AsyncIterable<Uint8Array>;
  /**
   * Lets go of the stream, and waits for the program's end. To be called also when the stream was not read to its end.
   * @returns how it ended, and the end of what it complained of
   */
  end(): Promise<{ exitCode: number; said: string }>;
  /** Ends the program. It may have ended already. */
  stop(): void;
}

/**
 * Starts a program whose output goes somewhere else as it comes, such as an archive on its way to a machine. `signal` ends it.
 * @throws SpuffError `unavailable` when it can't be started
 */
export async function streamProcess(
  argv: readonly string[],
  options: { stdin: string; cwd: string; env?: Record<string, string>; signal: AbortSignal },
): Promise<OutputStream> {
  const { stdin, signal, ...rest } = options;
  const child = await startProcess(argv, { ...rest, stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = () => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2_000);
  });
  const ended = new Promise<number>((resolve) => {
    child.once('close', (code, signalName) => resolve(exitCodeOf(code, signalName)));
  });
  // It may end before it has read all; its exit status tells why.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(stdin);
  return {
    stream: (child.stdout ?? []) as AsyncIterable<Uint8Array>,
    end: async () => {
      signal.removeEventListener('abort', stop);
      // Who took the stream may have let go of it: then nothing waits for its end.
      child.stdout?.destroy();
      return { exitCode: await ended, said };
    },
    stop,
  };
}
