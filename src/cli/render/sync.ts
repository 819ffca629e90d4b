import { countFiles, formatBytes } from '../../domain/bytes.ts';
import { formatDuration } from '../../domain/duration.ts';
import type { Instance } from '../../domain/instance.ts';
import type { SyncReport } from '../../domain/sync.ts';
import { oneLine } from './text.ts';

const mostLines = 20;

/** What was brought, in a few lines; with --dry-run by name. */
export function describeSync({ name }: Instance, report: SyncReport): string {
  const { direction, mode, brought, removed, bytes, dryRun, ms } = report;
  if (mode === 'none' && direction === 'up')
    return 'the project has sync: none, so its files stay where they are';
  const to = direction === 'up' ? `${name}:${report.folder}` : 'here';
  const parts = [
    ...(brought.length > 0 ? [`${countFiles(brought.length)}, ${formatBytes(bytes)}`] : []),
    ...(removed.length > 0 ? [`${removed.length} removed`] : []),
  ];
  const took = dryRun ? '' : ` in ${formatDuration(Math.max(1_000, Math.round(ms / 1_000) * 1_000))}`;
  const what = parts.length === 0 ? 'nothing to bring' : `${parts.join(', ')}${took}`;
  const names = dryRun ? [...listNames('+', brought), ...listNames('-', removed)] : [];
  const conflicts = report.conflicts.map((path) => `conflict: ${oneLine(path)}`);
  const left = report.left.map(({ path, why }) => `left: ${oneLine(path)} (${why})`);
  return [
    `${to}: ${what}`,
    ...names,
    ...conflicts,
    ...left,
    ...(dryRun ? ['nothing was brought: this was --dry-run'] : []),
  ].join('\n');
}

function listNames(sign: string, paths: readonly string[]): string[] {
  const shown = paths.slice(0, mostLines).map((path) => `${sign} ${oneLine(path)}`);
  return paths.length > mostLines ? [...shown, `${sign} and ${paths.length - mostLines} more`] : shown;
}

/** The shape `sync` of docs/json.md. */
export function syncToJson({ name }: Instance, report: SyncReport): object {
  return { version: 1, instance: name, sync: report };
}
