import { describeOne } from '../../app/rescue-before-end.ts';
import { formatBytes } from '../../domain/bytes.ts';
import type { Rescue, RescueSummary, RescueTrailer } from '../../domain/rescue.ts';
import type { Cli } from '../cli.ts';
import type { Paint } from './terminal.ts';
import { formatMoment, formatTable } from './text.ts';

export function rescueTable(rescues: readonly Rescue[], nowMs: number, paint: Paint): string {
  const rows = rescues.map(({ name, instanceName, provider, createdAt, bytes, complete, recipients }) => [
    ...[name, instanceName, provider, formatMoment(createdAt, nowMs), formatBytes(bytes)],
    ...[complete ? 'all of it' : 'not all of it', recipients.map(shortRecipient).join(', ')],
  ]);
  return formatTable(rows, {
    header: ['RESCUE', 'INSTANCE', 'PROVIDER', 'MADE', 'SIZE', 'HOLDS', 'OPENED BY'],
    paint,
  });
}

function shortRecipient(recipient: string): string {
  if (recipient === 'own') return "spuff's own key";
  return recipient.length > 30 ? `${recipient.slice(0, 12)}…${recipient.slice(-8)}` : recipient;
}

export function rescueToJson({ createdAt, ...rest }: Rescue): object {
  return { ...rest, createdAt: createdAt.toISOString() };
}

export function trailerToJson({ bytes: _bytes, sha256: _sha256, ...counts }: RescueTrailer): object {
  return counts;
}

/** `2 repositories: 6 commits, 2 stashes, 3 patches, 4 untracked files` */
export function describeTrailer({ repositories, commits, stashes, patches, files }: RescueTrailer): string {
  const count = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`;
  const parts = [
    ...(commits > 0 ? [count(commits, 'commit', 'commits')] : []),
    ...(stashes > 0 ? [count(stashes, 'stash', 'stashes')] : []),
    ...(patches > 0 ? [count(patches, 'patch', 'patches')] : []),
    ...(files > 0 ? [count(files, 'untracked file', 'untracked files')] : []),
  ];
  return `${count(repositories, 'repository', 'repositories')}: ${parts.join(', ') || 'nothing that could be taken'}`;
}

export function printLeftOut(cli: Pick<Cli, 'say'>, { leftOut, named }: RescueTrailer): void {
  if (leftOut === 0) return;
  cli.say('left out:');
  for (const one of named) cli.say(`  ${describeOne(one)}`);
  if (leftOut > named.length) cli.say(`  and ${leftOut - named.length} more, named in its README.md`);
}

export function repositoryTable({ repositories }: RescueSummary, paint: Paint): string {
  const yes = (value: boolean) => (value ? 'yes' : '');
  const rows = repositories.map((one) => [
    ...[one.directory, `~/${one.path}`, String(one.commits || ''), String(one.stashes || '')],
    ...[yes(one.hasStaged), yes(one.hasChanges), String(one.untracked || '')],
  ]);
  const header = ['FOLDER', 'WAS', 'COMMITS', 'STASHES', 'STAGED', 'CHANGED', 'UNTRACKED'];
  return formatTable(rows, { header, paint });
}
