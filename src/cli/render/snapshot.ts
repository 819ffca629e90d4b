import type { PricedSnapshot } from '../../app/snapshot-cost.ts';
import { formatBytes } from '../../domain/bytes.ts';
import { formatMoney } from '../../domain/money.ts';
import type { Image, Money, SnapshotInfo } from '../../domain/provider.ts';
import type { Paint } from './terminal.ts';
import { formatMoment, formatTable } from './text.ts';

/** The shape `snapshot` of docs/json.md. */
export function snapshotToJson(provider: string, snapshot: SnapshotInfo, monthly: Money | null): object {
  const { id, name, key, instanceName, createdAt, sizeBytes, region, billed } = snapshot;
  return {
    id,
    name,
    provider,
    key,
    instanceName,
    createdAt: createdAt.toISOString(),
    sizeBytes,
    region,
    billed,
    monthly,
  };
}

export function snapshotTable(listed: readonly PricedSnapshot[], nowMs: number, paint: Paint): string {
  const rows = listed.map(({ provider, snapshot, monthly }) => [
    snapshot.name,
    snapshot.instanceName ?? '',
    provider,
    snapshot.sizeBytes === null ? 'not known' : formatBytes(snapshot.sizeBytes),
    formatMoment(snapshot.createdAt, nowMs),
    describeMonthly(snapshot, monthly),
    snapshot.id.slice(0, 24),
  ]);
  return formatTable(rows, { header: ['NAME', 'OF', 'PROVIDER', 'SIZE', 'MADE', 'A MONTH', 'ID'], paint });
}

function describeMonthly({ billed }: SnapshotInfo, monthly: Money | null): string {
  if (!billed) return 'free';
  return monthly === null ? 'not known' : formatMoney(monthly);
}

/** The shape `image` of docs/json.md. */
export function imageToJson(image: Image): object {
  return {
    name: image.name,
    ref: image.ref,
    os: image.os,
    arch: image.arch,
    sizeBytes: image.sizeBytes,
    createdAt: image.createdAt?.toISOString() ?? null,
  };
}
