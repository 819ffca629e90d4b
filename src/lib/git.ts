/** git on the user's computer, asked so that nothing which a repository names is run but the filters of its files. */
import { runProcess } from './process.ts';

/** git-config(1): core.fsmonitor and core.hooksPath name programs, safe.directory keeps from a repository of somebody else's. */
export const gitArguments: readonly string[] = [
  ...['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-c', 'safe.directory=*'],
  ...['-c', 'core.quotePath=false', '-c', 'gc.auto=0', '-c', 'maintenance.auto=false'],
];

/** For what spuff reads: nothing is written along the way, nothing fetched, and no name is a pattern. */
export const gitEnvironment: Record<string, string> = {
  LC_ALL: 'C',
  GIT_LITERAL_PATHSPECS: '1',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_NO_LAZY_FETCH: '1',
};

export interface GitOptions {
  cwd: string;
  signal: AbortSignal;
  stdin?: string;
  env?: Record<string, string>;
  onOutput?: (chunk: Uint8Array) => Promise<void>;
}

/**
 * Runs git and collects what it prints. An exit status is a result.
 * @throws SpuffError `unavailable` where there is no git, `interrupted`
 */
export async function runGit(
  args: readonly string[],
  { env = {}, ...options }: GitOptions,
): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  return runProcess(['git', ...gitArguments, ...args], {
    ...options,
    env: { ...gitEnvironment, ...env },
    maxBytes: 512 * 1024 * 1024,
  });
}
