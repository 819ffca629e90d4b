/**
 * What spuff writes on a droplet: tags, since there is nothing else. They hold letters, digits, `:`, `-` and `_`, and are
 * told apart without regard to case, so that ours are written small.
 * @see https://docs.digitalocean.com/reference/api/reference/tags/
 */
import { type InstanceKey, isInstanceKey } from '../../domain/ids.ts';
import { isInstanceName } from '../../domain/names.ts';
import type { OnIdle, VmSpec } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';

/** On all that is ours. */
export const marker = 'spuff';

const prefix = {
  key: 'spuff-key:',
  instance: 'spuff-name:',
  owner: 'spuff-owner:',
  expires: 'spuff-expires:',
  onIdle: 'spuff-on-idle:',
  sshKey: 'spuff-ssh:',
} as const;

const maxTagLength = 255;

export function keyTag(key: InstanceKey): string {
  return prefix.key + key;
}

/** Which registered keys a machine was made with, so that the last one to need a key can be told. */
export function sshKeyTag(fingerprint: string): string {
  return prefix.sshKey + fingerprint;
}

/** The time in seconds since the epoch. With the key, so that it is this machine's alone and can go with it. */
export function expiryTag(spec: Pick<VmSpec, 'key' | 'expiresAt'>): string[] {
  if (spec.expiresAt === null) return [];
  return [`${prefix.expires}${Math.floor(spec.expiresAt.getTime() / 1_000)}:${spec.key}`];
}

export function machineTags(spec: VmSpec, fingerprints: readonly string[]): string[] {
  return [
    marker,
    keyTag(spec.key),
    prefix.instance + spec.instanceName,
    prefix.owner + encodeTag(spec.owner, maxTagLength - prefix.owner.length),
    ...expiryTag(spec),
    ...(spec.onIdle === 'snapshot' ? [`${prefix.onIdle}snapshot`] : []),
    ...fingerprints.map(sshKeyTag),
  ];
}

export interface TagFacts {
  ours: boolean;
  key: InstanceKey | null;
  instanceName: string | null;
  /** The latest, while one takes the place of another. */
  expiresAt: Date | null;
  onIdle: OnIdle;
  /** Spuff's own, safe to print, under the names that every provider gives them. */
  labels: Record<string, string>;
}

/** Whoever may use the account can write tags, so nothing in them is taken as it is; two different keys are none. */
export function readTags(tags: readonly string[]): TagFacts {
  const keys = new Set(valuesOf(tags, prefix.key));
  const [key = ''] = keys;
  const [instance = ''] = valuesOf(tags, prefix.instance);
  const [owner] = valuesOf(tags, prefix.owner);
  const ends = valuesOf(tags, prefix.expires).flatMap((value) => /^(\d{1,11})(?::|$)/.exec(value)?.[1] ?? []);
  const seconds = ends.toSorted((one, other) => Number(other) - Number(one))[0];
  const labels = {
    ...(keys.size > 0 && { 'spuff.key': [...keys].join(',') }),
    ...(instance !== '' && { 'spuff.instance': instance }),
    ...(owner !== undefined && { 'spuff.owner': decodeTag(owner) }),
    ...(seconds !== undefined && { 'spuff.expires': seconds }),
  };
  return {
    ours: tags.includes(marker),
    key: keys.size === 1 && isInstanceKey(key) ? key : null,
    instanceName: isInstanceName(instance) ? instance : null,
    expiresAt: seconds === undefined ? null : new Date(Number(seconds) * 1_000),
    onIdle: tags.includes(`${prefix.onIdle}snapshot`) ? 'snapshot' : 'destroy',
    labels: Object.fromEntries(
      Object.entries(labels).map(([name, value]) => [
        name,
        escapeText(value, { singleLine: true }).slice(0, 300),
      ]),
    ),
  };
}

export function readSshTags(tags: readonly string[]): string[] {
  return valuesOf(tags, prefix.sshKey);
}

/** The tags that say when this machine's lease ends. */
export function expiryTagsOf(tags: readonly string[], key: InstanceKey): string[] {
  return tags.filter((tag) => tag.startsWith(prefix.expires) && tag.endsWith(`:${key}`));
}

/** The tags that no other machine has, and that are of no use once it is gone. */
export function ownTags(tags: readonly string[], key: InstanceKey): string[] {
  return tags.filter((tag) => tag === keyTag(key) || expiryTagsOf([tag], key).length > 0);
}

function valuesOf(tags: readonly string[], start: string): string[] {
  return tags.filter((tag) => tag.startsWith(start)).map((tag) => tag.slice(start.length));
}

/** Bytes that may not stand in a tag, and capitals, become `_` and two hex digits. */
function encodeTag(text: string, maxLength: number): string {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const char = String.fromCharCode(byte);
    const next = /[a-z0-9-]/.test(char) ? char : `_${byte.toString(16).padStart(2, '0')}`;
    if (encoded.length + next.length > maxLength) break;
    encoded += next;
  }
  return encoded;
}

function decodeTag(text: string): string {
  const bytes = text.replace(/_([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
