import { type InstanceKey, isInstanceKey } from '../../domain/ids.ts';
import { isInstanceName } from '../../domain/names.ts';
import type { OnIdle, VmSpec } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';
import { type Fields, optionalObject } from './fields.ts';

/**
 * What spuff writes on everything it makes in a project; `kind` is the mark.
 * @see https://docs.hetzner.cloud/reference/cloud#description/labels: 63 characters, alphanumeric at both ends
 */
export const label = {
  kind: 'spuff.kind',
  key: 'spuff.key',
  instance: 'spuff.instance',
  owner: 'spuff.owner',
  /** Seconds since the epoch. */
  expires: 'spuff.expires',
  onIdle: 'spuff.on-idle',
  /** Of a snapshot: the order that it was made by, to be found again when the answer is lost. */
  order: 'spuff.order',
} as const;

export type Kind = 'machine' | 'firewall' | 'sshkey' | 'snapshot';

/** On a machine, one for each login key that it was made with, so that a key is known to be in use. */
const sshKeyPrefix = 'spuff.sshkey-';

const maxValueCharacters = 63;

export function machineLabels(spec: VmSpec, fingerprints: readonly string[]): Record<string, string> {
  return {
    ...ownLabels('machine', spec),
    ...expiryLabel(spec.expiresAt),
    ...(spec.onIdle === 'snapshot' && { [label.onIdle]: spec.onIdle }),
    ...Object.fromEntries(fingerprints.map((fingerprint) => [sshKeyLabel(fingerprint), ''])),
  };
}

export function expiryLabel(expiresAt: Date | null): Record<string, string> {
  return expiresAt === null ? {} : { [label.expires]: String(Math.floor(expiresAt.getTime() / 1_000)) };
}

/** The labels that machine, firewall and login key have in common. */
export function ownLabels(
  kind: Kind,
  of: { key: InstanceKey; instanceName: string | null; owner?: string },
): Record<string, string> {
  const owner = of.owner === undefined ? '' : asLabelValue(of.owner);
  return {
    [label.kind]: kind,
    [label.key]: of.key,
    ...(of.instanceName !== null && { [label.instance]: of.instanceName }),
    ...(owner !== '' && { [label.owner]: owner }),
  };
}

/** The nearest value that the API takes; empty when nothing is left. */
export function asLabelValue(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .slice(0, maxValueCharacters)
    .replace(/^[._-]+|[._-]+$/g, '');
}

/** `fingerprint` as the API writes it: MD5 in hex with colons, which a label can't hold. */
export function sshKeyLabel(fingerprint: string): string {
  return sshKeyPrefix + fingerprint.replaceAll(':', '');
}

/** A label selector, which all lists take. */
export function selectorOf(kind: Kind | null, more: Readonly<Record<string, string>> = {}): string {
  const first = kind === null ? label.kind : `${label.kind}=${kind}`;
  return [first, ...Object.entries(more).map(([name, value]) => `${name}=${value}`)].join(',');
}

/** Anyone with access to the project can write labels, so nothing in them is taken as it is. */
export function labelsOf(fields: Fields): Fields {
  return optionalObject(fields['labels']);
}

export function labelText(labels: Fields, name: string): string | null {
  const value = labels[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

export function labelKey(labels: Fields): InstanceKey | null {
  const text = labelText(labels, label.key);
  return text !== null && isInstanceKey(text) && isOurs(labels) ? text : null;
}

export function labelInstance(labels: Fields): string | null {
  const text = labelText(labels, label.instance);
  return text !== null && isInstanceName(text) ? text : null;
}

export function isOurs(labels: Fields, kind?: Kind): boolean {
  const text = labelText(labels, label.kind);
  return kind === undefined ? text !== null : text === kind;
}

export function labelExpiry(labels: Fields): Date | null {
  const text = labelText(labels, label.expires);
  return text !== null && /^\d{1,11}$/.test(text) ? new Date(Number(text) * 1_000) : null;
}

export function labelOnIdle(labels: Fields): OnIdle {
  return labelText(labels, label.onIdle) === 'snapshot' ? 'snapshot' : 'destroy';
}

/** Spuff's own labels, safe to print. */
export function shownLabels(labels: Fields): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels)) {
    if (!/^spuff\.[a-z0-9-]{1,60}$/.test(name) || typeof value !== 'string') continue;
    own[name] = escapeText(value, { singleLine: true }).slice(0, 300);
  }
  return own;
}
