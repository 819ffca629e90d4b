import { type InstanceKey, isInstanceKey } from '../../domain/ids.ts';
import { isInstanceName } from '../../domain/names.ts';
import type { OnIdle, VmSpec } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';
import type { QueryValue } from './query-body.ts';
import { itemsOf, textOf, type XmlNode } from './read-xml.ts';

/** The tags that spuff writes. @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html (limits) */
export const tag = {
  /** The marker, and what it is that bears it. */
  kind: 'spuff',
  key: 'spuff-key',
  instance: 'spuff-instance',
  owner: 'spuff-owner',
  /** The end of the lease, in seconds since 1970. */
  expires: 'spuff-expires',
  onIdle: 'spuff-on-idle',
  /** Of a snapshot: the user's name for it. */
  snapshot: 'spuff-snapshot',
  /** What the console of AWS shows as the name. */
  name: 'Name',
} as const;

export type Kind = 'machine' | 'firewall' | 'snapshot';

export type Tags = ReadonlyMap<string, string>;

/** The tags of whatever bears any, also where a list of other things has nothing but tags. */
export function tagsOf(node: XmlNode): Tags {
  return new Map(
    itemsOf(node, 'tagSet').flatMap((item) => {
      const name = textOf(item, 'key');
      return name === null ? [] : [[name, textOf(item, 'value') ?? '']];
    }),
  );
}

/** Anyone with access to the account can write tags, so nothing in them is taken as it is. */
export function keyOf(tags: Tags): InstanceKey | null {
  const text = tags.get(tag.key);
  return text !== undefined && tags.has(tag.kind) && isInstanceKey(text) ? text : null;
}

export function instanceNameOf(tags: Tags): string | null {
  const text = tags.get(tag.instance);
  return text !== undefined && isInstanceName(text) ? text : null;
}

export function expiryOf(tags: Tags): Date | null {
  const text = tags.get(tag.expires) ?? '';
  return /^\d{9,11}$/.test(text) ? new Date(Number(text) * 1_000) : null;
}

export function onIdleOf(tags: Tags): OnIdle {
  return tags.get(tag.onIdle) === 'snapshot' ? 'snapshot' : 'destroy';
}

/** As the tag of it says it. */
export function expiryText(expiresAt: Date): string {
  return String(Math.floor(expiresAt.getTime() / 1_000));
}

/** Spuff's own tags, safe to print. */
export function ownLabels(tags: Tags): Record<string, string> {
  const own: Record<string, string> = {};
  for (const name of Object.values(tag)) {
    const text = tags.get(name);
    if (text !== undefined) own[name] = escapeText(text, { singleLine: true }).slice(0, 300);
  }
  return own;
}

/** What the tags of one machine's things say. */
export function tagsFor(kind: Kind, spec: VmSpec): Record<string, string> {
  return {
    [tag.kind]: kind,
    [tag.key]: spec.key,
    [tag.instance]: spec.instanceName,
    [tag.owner]: spec.owner,
    [tag.name]: spec.name,
    ...(spec.expiresAt && { [tag.expires]: expiryText(spec.expiresAt) }),
    ...(spec.onIdle === 'snapshot' && { [tag.onIdle]: spec.onIdle }),
  };
}

/** Tags as a request that makes something takes them. */
export function tagSpecification(
  resourceTypes: readonly string[],
  tags: Readonly<Record<string, string>>,
): QueryValue {
  const list = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  return resourceTypes.map((ResourceType) => ({ ResourceType, Tag: list }));
}
