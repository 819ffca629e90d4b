import { type InstanceKey, isInstanceKey } from '../../domain/ids.ts';
import { isInstanceName } from '../../domain/names.ts';
import { escapeText } from '../../lib/escape.ts';

interface SnapshotOrigin {
  key: InstanceKey;
  instanceName: string | null;
  /** The user's name for it. */
  name: string;
}

/**
 * What a snapshot is of stands in its name, which comes into being with it; tags could only be put on it afterwards:
 * `spuff:KEY:INSTANCE:NAME`, the last in percent-encoding.
 */
export function writeSnapshotName({ key, instanceName, name }: SnapshotOrigin): string {
  return `spuff:${key}:${instanceName ?? ''}:${encodeURIComponent(name)}`;
}

/** null for a name that is not of this form: such a snapshot is not ours. */
export function readSnapshotName(text: string): SnapshotOrigin | null {
  const [, key = '', instance = '', encoded = ''] = /^spuff:([^:]*):([^:]*):([^:]+)$/.exec(text) ?? [];
  if (!isInstanceKey(key)) return null;
  try {
    const name = escapeText(decodeURIComponent(encoded), { singleLine: true });
    return { key, instanceName: isInstanceName(instance) ? instance : null, name };
  } catch {
    return null;
  }
}
