import { SpuffError } from '../domain/errors.ts';
import { escapeText } from '../lib/escape.ts';
import { gitArguments, gitEnvironment } from '../lib/git.ts';
import { streamProcess } from '../lib/stream-process.ts';

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
  const git = await streamProcess(['git', ...gitArguments, ...args], {
    stdin: [...wanted, ...known.map((id) => `^${id}`), ''].join('\n'),
    ...{ cwd: root, env: gitEnvironment, signal },
  });
  return {
    stream: join(before, git.stream),
    end: async () => {
      const { exitCode, said } = await git.end();
      if (exitCode === 0 || signal.aborted) return;
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
