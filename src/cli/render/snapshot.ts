import type { Image, SnapshotInfo } from '../../domain/provider.ts';

/** The shape `snapshot` of docs/json.md. */
export function snapshotToJson(provider: string, snapshot: SnapshotInfo): object {
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
  };
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
