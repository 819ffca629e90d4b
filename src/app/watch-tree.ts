/** Keeps a project's files on its machine as they are here, until it is stopped. */
import { type FSWatcher, watch } from 'node:fs';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { SyncReport } from '../domain/sync.ts';
import type { AppContext } from './context.ts';
import { listTree } from './list-tree.ts';
import { readHistory } from './read-history.ts';
import { syncProject } from './sync-tree.ts';

/** Editors and git write a file in several steps, and builds many files. */
const settleMs = 300;
/** The system may drop what it has to tell: so it is looked all the same, here alone. */
const lookAgainMs = 30_000;
const lost = new Set(['connection', 'timeout', 'agent']);
const longestWaitMs = 30_000;

/**
 * Syncs at once, and whenever something has changed. A lost connection is waited for; where both sides were changed it says
 * so and goes on with the next change.
 * @throws SpuffError what `syncProject` throws that waiting does not mend; `not-found` when the instance is gone
 */
export async function watchTree(
  context: AppContext,
  instance: Instance,
  project: ProjectFile,
  onReport: (report: SyncReport) => void,
): Promise<void> {
  const changes = openChanges(context, project.root);
  const sync = createPatientSync(context, instance, project);
  let synced = '';
  try {
    for (;;) {
      const seen = await fingerprint(context, project);
      if (seen !== synced) {
        const report = await sync();
        if (report !== null && (report.brought.length > 0 || report.removed.length > 0 || synced === ''))
          onReport(report);
        // A conflict too is settled by a change alone.
        synced = seen;
      }
      await changes.wait();
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  } finally {
    changes.close();
  }
}

/** Changes with every file that would be sent, and with what is checked out. */
async function fingerprint({ signal }: AppContext, project: ProjectFile): Promise<string> {
  const { files, hasGit } = await listTree(project, signal);
  const history = hasGit ? await readHistory(project.root, signal) : null;
  const signs = [...files].map(([path, { sign }]) => `${path}\0${sign}`);
  return [history?.head, history?.branch, ...signs].join('\n');
}

function createPatientSync(context: AppContext, { key, name }: Instance, project: ProjectFile) {
  let told = '';
  return async (): Promise<SyncReport | null> => {
    for (let waitMs = 1_000; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
      const instance = (await context.state()).listInstances().find((one) => one.key === key);
      if (!instance) throw new SpuffError('not-found', `${name} is there no more`);
      try {
        const report = await syncProject(context, instance, project);
        if (told !== '') context.progress.note(`${name} has everything again`);
        told = '';
        return report;
      } catch (error) {
        if (context.signal.aborted || !(error instanceof SpuffError)) throw error;
        if (error.code !== 'conflict' && !lost.has(error.code)) throw error;
        if (told !== error.message) context.progress.warn(error.message, error.hints);
        told = error.message;
        if (error.code === 'conflict') return null;
        await context.runtime.sleep(waitMs, context.signal);
      }
    }
  };
}

interface Changes {
  /** Until something has changed and it is quiet again, or it is time to look all the same. */
  wait(): Promise<void>;
  close(): void;
}

function openChanges(context: AppContext, root: string): Changes {
  let wake: (() => void) | null = null;
  let isDirty = false;
  const onChange = () => {
    isDirty = true;
    wake?.();
  };
  const watcher = openWatcher(context, root, onChange);
  const until = async (ms: number) => {
    const cut = new AbortController();
    wake = () => cut.abort();
    const signal = AbortSignal.any([cut.signal, context.signal]);
    await context.runtime.sleep(ms, signal).catch((error: unknown) => {
      if (context.signal.aborted || !cut.signal.aborted) throw error;
    });
    wake = null;
  };
  return {
    async wait() {
      if (!isDirty) await until(watcher === null ? 2_000 : lookAgainMs);
      while (isDirty) {
        isDirty = false;
        await until(settleMs);
      }
    },
    close: () => watcher?.close(),
  };
}

/** null where the system has no room for so many folders: then it is looked every other second. */
function openWatcher(context: AppContext, root: string, onChange: () => void): FSWatcher | null {
  const sayWhy = (error: unknown) => {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
    context.progress.warn(`changes can't be watched for (${why}): looking at all files instead`, [
      'on Linux more folders can be watched with: sudo sysctl fs.inotify.max_user_watches=1048576',
    ]);
  };
  try {
    const watcher = watch(root, { recursive: true, persistent: true }, (_, name) => {
      if (name === null || !isOfGit(name)) onChange();
    });
    watcher.on('error', (error) => {
      sayWhy(error);
      onChange();
    });
    return watcher;
  } catch (error) {
    sayWhy(error);
    return null;
  }
}

/** What git writes there all the time, but for what says which commit is checked out. */
function isOfGit(name: string): boolean {
  return name.startsWith('.git/') && !/^\.git\/(?:HEAD|packed-refs|refs\/)/.test(name);
}
