import { formatBytes } from '../../domain/bytes.ts';
import { formatDuration } from '../../domain/duration.ts';
import { formatMoney } from '../../domain/money.ts';
import type { ListedPrebuild } from '../../domain/prebuild.ts';
import type { Money } from '../../domain/provider.ts';
import type { Paint } from './terminal.ts';
import { formatMoment, formatTable } from './text.ts';

export interface PricedPrebuild extends ListedPrebuild {
  monthly: Money | null;
}

/** The shape `prebuild` of docs/json.md. */
export function prebuildToJson({ snapshot, ...rest }: PricedPrebuild): object {
  const { id, name, key, createdAt, sizeBytes, region, billed } = snapshot;
  const { provider, project, hash, coldSetupMs, isOwn, monthly } = rest;
  return {
    ...{ id, name, provider, project, hash, coldSetupMs, isOwn, key },
    ...{ createdAt: createdAt.toISOString(), sizeBytes, region, billed, monthly },
  };
}

export function prebuildTable(listed: readonly PricedPrebuild[], nowMs: number, paint: Paint): string {
  const rows = listed.map(({ provider, project, snapshot, coldSetupMs, isOwn, monthly }) => [
    snapshot.name,
    project,
    isOwn ? provider : `${provider} (not this computer's)`,
    snapshot.sizeBytes === null ? 'not known' : formatBytes(snapshot.sizeBytes),
    formatMoment(snapshot.createdAt, nowMs),
    formatDuration(coldSetupMs),
    describeMonthly(snapshot.billed, monthly),
  ]);
  const header = ['NAME', 'PROJECT', 'PROVIDER', 'SIZE', 'MADE', 'SAVES', 'A MONTH'];
  return formatTable(rows, { header, paint });
}

function describeMonthly(billed: boolean, monthly: Money | null): string {
  if (!billed) return 'free';
  return monthly === null ? 'not known' : formatMoney(monthly);
}
