/** S5: a file of secrets that git tracks goes to everybody who gets the repository. */
import { basename, dirname } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { escapeText } from '../lib/escape.ts';
import { runProcess } from '../lib/process.ts';
import { quoteArgument } from '../lib/shell-quote.ts';

/** No program that the repository names is run, whoever it belongs to (git-config(1): core.fsmonitor, safe.directory). */
const askIndexOnly = ['-c', 'core.fsmonitor=false', '-c', 'safe.directory=*'];

/**
 * Lets a file pass that git does not track, and one where there is no git or no repository.
 * @throws SpuffError `config` for one that git tracks, or where git does not say
 */
export async function refuseTrackedSecrets(path: string, signal: AbortSignal): Promise<void> {
  const name = basename(path);
  const said = await askGit(['ls-files', '--error-unmatch', '--', name], dirname(path), signal);
  if (said === null) return;
  if (said.exitCode === 0) {
    throw new SpuffError(
      'config',
      `${path} is tracked by git: everybody who gets the repository gets it too`,
      {
        hints: [
          `take it out: git rm --cached ${quoteArgument(name)}, and write its name into .gitignore`,
          'what was committed stays in the history: revoke it, and make new ones',
        ],
      },
    );
  }
  const isOutside = /not a git repository|must be run in a work tree/.test(said.stderr);
  if (said.exitCode === 1 || isOutside) return;
  const why = escapeText(said.stderr.trim(), { singleLine: true }).slice(0, 300);
  throw new SpuffError('config', `git does not say whether it tracks ${path}: ${why}`, {
    hints: ['mend what git complains of'],
  });
}

/** null where there is no git. */
async function askGit(args: readonly string[], cwd: string, signal: AbortSignal) {
  try {
    const env = { LC_ALL: 'C', GIT_LITERAL_PATHSPECS: '1' };
    return await runProcess(['git', ...askIndexOnly, ...args], { cwd, signal, env, timeoutMs: 30_000 });
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'unavailable') return null;
    throw error;
  }
}
