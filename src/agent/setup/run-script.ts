import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../../lib/atomic-file.ts';
import { describeEnd } from './run-logged.ts';
import type { PartOutcome, PartTools } from './setup-scene.ts';

/**
 * Runs commands of the project as its user would at the prompt: in a login shell, in the project's folder, with its
 * variables. The shell reads them from a file in memory, so that they stand in no argument, and stops at the first line
 * that fails.
 */
export async function runScript(tools: PartTools, name: string, text: string): Promise<PartOutcome> {
  const { order, places } = tools;
  const made = await tools.exec({ argv: ['mkdir', '-p', '--', order.directory], asUser: true });
  if (made.exitCode !== 0) return { state: 'failed', detail: describeEnd(made) };
  const path = join(places.envFolder, `${name}.sh`);
  // The folder hands its group on, which is the user's.
  writeFileAtomically(path, `set -e\n${text}\n`, 0o640);
  try {
    const ended = await tools.exec({
      argv: ['bash', '-l', path],
      asUser: true,
      cwd: order.directory,
      env: {
        SSH_AUTH_SOCK: places.lentAgent,
        CARGO_NET_GIT_FETCH_WITH_CLI: 'true',
        GIT_TERMINAL_PROMPT: '0',
      },
    });
    return ended.exitCode === 0
      ? { state: 'done', detail: null }
      : { state: 'failed', detail: describeEnd(ended) };
  } finally {
    rmSync(path, { force: true });
  }
}
