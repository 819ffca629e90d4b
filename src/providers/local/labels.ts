import { type InstanceKey, isInstanceKey } from '../../domain/ids.ts';
import { isInstanceName } from '../../domain/names.ts';
import type { VmSpec } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';

/** What spuff writes on everything it makes on an engine. A machine inherits its image's labels, so `kind` is set on all. */
export const label = {
  kind: 'spuff.kind',
  key: 'spuff.key',
  instance: 'spuff.instance',
  owner: 'spuff.owner',
  expires: 'spuff.expires',
  onIdle: 'spuff.on-idle',
  region: 'spuff.region',
  size: 'spuff.size',
  /** Of a base image: which one it is, and the digest of the recipe it was built by. */
  slug: 'spuff.slug',
  recipe: 'spuff.recipe',
  /** Of a base image; snapshots and machines inherit it. */
  arch: 'spuff.arch',
  /** Of a snapshot: the user's name for it, in base64url. */
  snapshot: 'spuff.snapshot',
} as const;

export type Kind = 'machine' | 'base' | 'snapshot' | 'network';

/** Engines have no regions; this one stands in every label and answer. */
export const localRegion = 'local';

/** The filter that lists one kind. */
export function filterOf(kind: Kind, more: Record<string, string> = {}): { label: string[] } {
  return {
    label: [`${label.kind}=${kind}`, ...Object.entries(more).map(([name, value]) => `${name}=${value}`)],
  };
}

export function machineLabels(spec: VmSpec): Record<string, string> {
  return {
    [label.kind]: 'machine' satisfies Kind,
    [label.key]: spec.key,
    [label.instance]: spec.instanceName,
    [label.owner]: spec.owner,
    [label.region]: spec.region,
    [label.size]: spec.size,
    [label.expires]: spec.expiresAt?.toISOString() ?? '',
    [label.onIdle]: spec.onIdle ?? 'destroy',
  };
}

/** Labels as an engine tells them: anyone who may use the engine can write them, so nothing in them is taken as it is. */
export type RawLabels = Readonly<Record<string, unknown>> | null | undefined;

export function labelText(labels: RawLabels, name: string): string | null {
  const value = labels?.[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

export function labelKey(labels: RawLabels): InstanceKey | null {
  const text = labelText(labels, label.key);
  return text !== null && isInstanceKey(text) ? text : null;
}

export function labelInstance(labels: RawLabels): string | null {
  const text = labelText(labels, label.instance);
  return text !== null && isInstanceName(text) ? text : null;
}

export function labelDate(labels: RawLabels, name: string): Date | null {
  const text = labelText(labels, name);
  if (text === null || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/.test(text)) return null;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Spuff's own labels, safe to print. */
export function ownLabels(labels: RawLabels): Record<string, string> {
  const own: Record<string, string> = {};
  for (const name of Object.values(label)) {
    const text = labelText(labels, name);
    if (text !== null) own[name] = escapeText(text, { singleLine: true }).slice(0, 300);
  }
  return own;
}
