import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../domain/progress.ts';
import type { Log } from '../lib/log.ts';
import type { HomePaths } from '../state/home.ts';

/**
 * The same progress, with every request to a provider in the debug log, whether or not anybody asked to see it: what a bug
 * report needs. Looking makes no home, so where there is none there is no log.
 */
export function logTraces(progress: Progress, paths: HomePaths): Progress {
  let log: Promise<Log> | undefined;
  const open = async (): Promise<Log> => {
    const { openLog } = await import('../lib/log.ts');
    return openLog({ path: join(paths.log, 'spuff.log') });
  };
  return {
    start: (title) => progress.start(title),
    note: (text) => progress.note(text),
    warn: (text, hints) => progress.warn(text, hints),
    trace: (text) => {
      progress.trace(text);
      if (!existsSync(paths.home)) return;
      log ??= open();
      void log.then((opened) => opened.write('request', { text }));
    },
  };
}
