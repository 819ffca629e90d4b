import type { OwnKeyReport } from '../../app/own-keys.ts';
import type { Undone } from '../../app/rotate-key.ts';
import { formatDuration } from '../../domain/duration.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { NewKey, OwnKey } from '../../domain/own-key.ts';
import type { Cli } from '../cli.ts';
import { formatTable } from './text.ts';

/**
 * What is to be made, by the options.
 * @throws SpuffError `usage` when ssh-keygen would ask for a passphrase and nobody is there
 */
export function chooseNewKey(
  cli: Cli,
  { lifetime, passphrase }: { lifetime: number | undefined; passphrase: boolean },
): NewKey {
  if (lifetime !== undefined) return { storage: 'agent', lifetimeMs: lifetime };
  if (!passphrase) return { storage: 'disk', passphrase: 'none' };
  if (cli.canAsk) return { storage: 'disk', passphrase: 'prompt' };
  throw new SpuffError('usage', 'nobody is there to type a passphrase for the new key', {
    hints: ['keep it in ssh-agent: --lifetime 8h', 'or make one without: --no-passphrase'],
  });
}

/** One that is kept where the former was, and as long, unless a lifetime is given. */
export function chooseKeyLike(
  cli: Cli,
  former: OwnKey,
  options: { lifetime?: number | undefined; passphrase: boolean },
): NewKey {
  const isInAgent = former.storage === 'agent' && former.expiresAt !== null;
  const formerMs = isInAgent ? Number(former.expiresAt) - Number(former.madeAt) : undefined;
  return chooseNewKey(cli, { ...options, lifetime: options.lifetime ?? formerMs });
}

export function newKeyToJson({ fingerprint, publicPath, storage, madeAt, expiresAt }: OwnKey): object {
  return {
    fingerprint,
    publicPath,
    storage,
    madeAt: madeAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}

/** The shape `ownKey` of docs/json.md. */
export function keyToJson(report: OwnKeyReport): object {
  const { key, role, ageMs, isUsable, isInAgent, remainingMs, hasPassphrase, instances } = report;
  return {
    ...newKeyToJson(key),
    role,
    ageMs,
    usable: isUsable,
    inAgent: isInAgent,
    remainingMs,
    passphrase: hasPassphrase,
    instances,
    providers: report.registrations?.providers ?? [],
    providersNotAsked: (report.registrations?.failures ?? []).map(({ provider }) => provider),
  };
}

export function undoneToJson({ name, error }: Undone): object {
  return { name, code: error.code, message: error.message, hints: error.hints };
}

export function printKeys(cli: Cli, reports: readonly OwnKeyReport[]): void {
  if (reports.length === 0) {
    cli.say('spuff has no key of its own; make one: spuff key new');
    return;
  }
  const rows = reports.map((report) => [
    report.key.fingerprint,
    report.role,
    describePlace(report),
    report.ageMs === null ? 'in the future' : formatDuration(report.ageMs),
    { true: 'yes', false: 'none', null: '' }[String(report.hasPassphrase)] ?? '',
    report.instances.join(', ') || 'none',
    report.registrations?.providers.join(', ') || 'none',
  ]);
  const header = ['KEY', 'ROLE', 'WHERE', 'AGE', 'PASSPHRASE', 'OPENS', 'REGISTERED'];
  cli.print(formatTable(rows, { header, paint: cli.paint }));
  for (const { provider, error } of reports[0]?.registrations?.failures ?? [])
    cli.context.progress.warn(`${provider} could not be asked: ${error.message}`, error.hints);
  if (reports.some(({ role }) => role === 'retiring'))
    cli.say('a rotation has not come to its end; go on with it: spuff key rotate');
}

function describePlace({ key, isUsable, isInAgent, remainingMs }: OwnKeyReport): string {
  if (!isUsable) return 'gone';
  const left = remainingMs === null ? '' : `, ${formatDuration(remainingMs)} left`;
  if (key.storage === 'agent') return `ssh-agent${left}`;
  return isInAgent ? 'disk, ssh-agent' : 'disk';
}
