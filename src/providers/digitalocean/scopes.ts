/**
 * The scopes of a DigitalOcean token, in the API's words.
 * @see https://docs.digitalocean.com/reference/api/scopes/
 */

/** Which scope a request takes. The API says only that one is missing, so that the name is ours to find. */
export function scopeOf(method: string, path: string): string {
  const scope = words.find(({ pattern }) => pattern.test(path));
  const verb = { GET: 'read', PUT: 'update', DELETE: 'delete' }[method] ?? 'create';
  return scope ? `${scope.word}:${scope.verbs?.[verb] ?? verb}` : 'of its page in the API reference';
}

const words: ReadonlyArray<{ pattern: RegExp; word: string; verbs?: Readonly<Record<string, string>> }> = [
  { pattern: /^\/v2\/account\/keys/, word: 'ssh_key' },
  { pattern: /^\/v2\/account/, word: 'account' },
  { pattern: /^\/v2\/actions/, word: 'actions' },
  { pattern: /^\/v2\/droplets\/[^/]+\/actions/, word: 'droplet', verbs: { create: 'update' } },
  { pattern: /^\/v2\/droplets/, word: 'droplet' },
  { pattern: /^\/v2\/firewalls/, word: 'firewall' },
  { pattern: /^\/v2\/images/, word: 'image' },
  { pattern: /^\/v2\/regions/, word: 'regions' },
  { pattern: /^\/v2\/sizes/, word: 'sizes' },
  { pattern: /^\/v2\/snapshots/, word: 'snapshot' },
  { pattern: /^\/v2\/tags/, word: 'tag' },
  { pattern: /^\/v2\/volumes/, word: 'block_storage' },
];

/** A harmless question for each scope that reads. Whether a token may write can't be asked without writing. */
export const readProbes: ReadonlyArray<{ path: string; query?: Readonly<Record<string, number>> }> = [
  { path: '/v2/tags', query: { per_page: 1 } },
  { path: '/v2/droplets', query: { per_page: 1 } },
  { path: '/v2/firewalls', query: { per_page: 1 } },
  { path: '/v2/snapshots', query: { per_page: 1 } },
  { path: '/v2/images', query: { per_page: 1 } },
  { path: '/v2/actions', query: { per_page: 1 } },
  { path: '/v2/regions', query: { per_page: 1 } },
  { path: '/v2/sizes', query: { per_page: 1 } },
  // The list of keys may be asked for ten times a minute only; a key that nobody can have is asked for instead.
  { path: `/v2/account/keys/${Array.from({ length: 16 }, () => '00').join(':')}` },
];
