import { describe, expect, test } from 'vitest';
import { makeInstanceKey } from '../../domain/ids.ts';
import type { ProviderError } from '../../domain/provider-error.ts';
import { Answer } from './answer.ts';
import { toImage, toImageParameter } from './images.ts';
import { toVm } from './mapping.ts';

const key = makeInstanceKey(Date.UTC(2026, 0, 1), new Uint8Array(10));

/** What of a droplet's answer matters, in the words of the API. */
const droplet = {
  id: 3164444,
  name: `spuff-${key}`,
  status: 'active',
  created_at: '2026-07-21T18:37:44Z',
  size_slug: 's-1vcpu-1gb',
  region: { slug: 'nyc3' },
  networks: {
    v4: [
      { ip_address: '10.128.192.124', type: 'private' },
      { ip_address: '192.241.165.154', type: 'public' },
    ],
    v6: [{ ip_address: '2604:a880:0:1010::18a:a001', type: 'public' }],
  },
  tags: ['spuff', `spuff-key:${key}`, 'spuff-name:demo'],
};

function read(change: Record<string, unknown>) {
  return toVm(new Answer({ ...droplet, ...change }, 'get', 'droplet'));
}

test('a droplet is read as a machine', () => {
  expect(read({})).toEqual({
    id: '3164444',
    key,
    name: `spuff-${key}`,
    instanceName: 'demo',
    state: 'running',
    rawState: 'active',
    ipv4: '192.241.165.154',
    ipv6: '2604:a880:0:1010::18a:a001',
    ssh: { host: '192.241.165.154', port: 22 },
    region: 'nyc3',
    size: 's-1vcpu-1gb',
    arch: 'x86_64',
    createdAt: new Date('2026-07-21T18:37:44Z'),
    expiresAt: null,
    onIdle: 'destroy',
    stoppedAt: null,
    labels: { 'spuff.key': key, 'spuff.instance': 'demo' },
    billed: true,
  });
});

describe('what is not known', () => {
  test.each([
    ['new', 'provisioning'],
    ['active', 'running'],
    ['off', 'stopped'],
    ['archive', 'stopped'],
    ['hibernating', 'unknown'],
    ['constructor', 'unknown'],
    ['', 'unknown'],
  ])('the state %j is %s, and still billed', (status, state) => {
    expect(read({ status })).toMatchObject({ state, rawState: status, billed: true });
  });

  test('further members, and kinds of networks, are passed over', () => {
    const networks = { v4: [{ type: 'mesh', ip_address: '192.0.2.1' }], v5: [] };
    expect(read({ networks, power: { watts: 9 } })).toMatchObject({ ipv4: null, ipv6: null, ssh: null });
  });

  test.each([{ networks: {} }, { networks: null }, { networks: { v4: [], v6: null } }])(
    'without an address there is nothing to dial: %j',
    (change) => {
      expect(read(change)).toMatchObject({ ipv4: null, ipv6: null, ssh: null });
    },
  );

  test('an address that is none is not dialled', () => {
    const networks = { v4: [{ type: 'public', ip_address: '-oProxyCommand=id' }] };
    expect(read({ networks }).ssh).toBeNull();
  });

  test('a name that would move the cursor is shown', () => {
    expect(read({ name: 'a\u001b[2Jb' }).name).toBe('a\\x1b[2Jb');
  });
});

describe('what is missing is named', () => {
  test.each(['id', 'name', 'status', 'created_at', 'size_slug'])('%s', (field) => {
    for (const value of [undefined, null, {}])
      expect(fieldMissedIn({ [field]: value })).toBe(`droplet.${field}`);
  });

  test.each([
    [{ region: {} }, 'droplet.region.slug'],
    [{ created_at: 'yesterday' }, 'droplet.created_at'],
    [{ tags: 'spuff' }, 'droplet.tags'],
    [{ tags: ['spuff', 7] }, 'droplet.tags[1]'],
    [{ networks: { v4: [{ type: 'public' }] } }, 'droplet.networks.v4[0].ip_address'],
  ])('in %j it is %s', (change, field) => {
    expect(fieldMissedIn(change)).toBe(field);
  });
});

/** The field that the error names; null when it was read all the same. */
function fieldMissedIn(change: Record<string, unknown>): string | null {
  try {
    read(change);
    return null;
  } catch (error) {
    expect(error).toMatchObject({ providerCode: 'protocol', info: { op: 'get', retryable: false } });
    const { message, info } = error as ProviderError;
    expect(message).toContain(info.field);
    return info.field ?? null;
  }
}

test('an image has the name that all providers know', () => {
  expect(toImageParameter({ kind: 'slug', slug: 'debian-12' })).toBe('debian-12-x64');
  expect(toImageParameter({ kind: 'slug', slug: 'ubuntu-24.04' })).toBe('ubuntu-24-04-x64');
  expect(toImageParameter({ kind: 'slug', slug: 'fedora-41-x64' })).toBe('fedora-41-x64');
  expect(toImageParameter({ kind: 'id', id: '36804636' })).toBe(36_804_636);
  const image = { slug: 'ubuntu-24-04-x64', name: '24.04 (LTS) x64', distribution: 'Ubuntu' };
  expect(toImage(new Answer({ ...image, status: 'retired' }, 'catalog'))).toEqual({
    ref: { kind: 'slug', slug: 'ubuntu-24.04' },
    name: 'Ubuntu 24.04 (LTS) x64',
    os: 'ubuntu',
    arch: 'x86_64',
    sizeBytes: null,
    createdAt: null,
    deprecatedAfter: new Date(0),
  });
  for (const slug of ['fedora-41-x64', 'ubuntu-24-04-arm64', 'debian', null])
    expect(toImage(new Answer({ ...image, slug }, 'catalog'))).toBeNull();
});
