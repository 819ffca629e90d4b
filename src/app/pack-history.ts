import { SpuffError } from '../domain/errors.ts';
import { escapeText } from '../lib/escape.ts';
import { gitArguments, gitEnvironment } from '../lib/git.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';

export interface PackStream {
  stream: AsyncIterable<Uint8Array>;
  /** @throws SpuffError `config` when git did not pack all */
  end(): Promise<void>;
}

/**
 * What `wanted` leads to and `known` does not, packed by git-pack-objects(1), behind the text `before`.
 * @throws SpuffError `unavailable` without git
 */
export async function streamPack(request: {
  root: string;
  wanted: readonly string[];
  known: readonly string[];
  before: string;
  signal: AbortSignal;
}): Promise<PackStream> {
  const { root, wanted, known, before, signal } = request;
  const args = ['pack-objects', '--revs', '--stdout', '--thin', '--delta-base-offset', '-q'];
  const child = await startProcess(['git', ...gitArguments, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: root,
    env: gitEnvironment,
  });
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
  child.stdin?.end([...wanted, ...known.map((id) => `^${id}`), ''].join('\n'));
  return {
    stream: join(before, (child.stdout ?? []) as AsyncIterable<Uint8Array>),
    end: async () => {
      signal.removeEventListener('abort', stop);
      // Who took the stream may have let go of it: then nothing waits for its end.
      child.stdout?.destroy();
      const status = await ended;
      if (status === 0 || signal.aborted) return;
      const why = escapeText(said.trim(), { singleLine: true });
      throw new SpuffError('config', `git can't pack the history of ${root}: ${why}`, {
        hints: ['see what is wrong with the repository: git fsck'],
      });
    },
  };
}

async function* join(before: string, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(before);
  yield* rest;
}
