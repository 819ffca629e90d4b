import { describe, expect, it } from 'vitest';
import type { InstanceKey } from '../../domain/ids.ts';
import type { VmSpec } from '../../domain/provider.ts';
import { allowedNetworks, checkNetworks } from './firewall-rules.ts';
import { asLabelValue } from './labels.ts';
import { parseLoginKeys } from './login-keys.ts';
import { maxUserDataBytes, plan } from './server-request.ts';

const key = '01jd8v6q2wz5n7k3m9x4c1b0ta' as InstanceKey;
const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJk3VhcYs3cXwYY0n9Z1cVhZb5u5l0m5v0yq8m1m9n0r';
const spec = (change: Partial<VmSpec> = {}): VmSpec => ({
  ...{ key, name: `spuff-${key}`, instanceName: 'web', region: 'nbg1', size: 'cpx22' },
  image: { kind: 'slug', slug: 'debian-12' },
  sshPublicKeys: [],
  userData: '#cloud-config\n{}\n',
  owner: 'ana@example.org',
  expiresAt: new Date(1_795_600_000_999),
  ...change,
});

describe('the plan', () => {
  it('is the order with all that belongs to it', () => {
    const { requests, hourly } = plan(
      spec({ sshPublicKeys: [`${publicKey} ana@laptop`], firewall: { allowSshFrom: ['198.51.100.7/32'] } }),
    );
    const own = { 'spuff.key': key, 'spuff.owner': 'ana_example.org' };
    const [, sshKeyName] = /"name":"(spuff-[0-9a-f]{32})"/.exec(JSON.stringify(requests)) ?? [];
    expect(hourly).toBeNull();
    expect(requests).toEqual([
      {
        method: 'POST',
        path: '/ssh_keys',
        body: { name: sshKeyName, public_key: publicKey, labels: { 'spuff.kind': 'sshkey', ...own } },
      },
      {
        method: 'POST',
        path: '/firewalls',
        body: {
          name: `spuff-${key}`,
          labels: { 'spuff.kind': 'firewall', 'spuff.instance': 'web', ...own },
          rules: [
            {
              description: 'SSH',
              direction: 'in',
              protocol: 'tcp',
              port: '22',
              source_ips: ['198.51.100.7/32'],
            },
          ],
        },
      },
      {
        method: 'POST',
        path: '/servers',
        body: {
          ...{ name: `spuff-${key}`, server_type: 'cpx22', location: 'nbg1', image: 'debian-12' },
          start_after_create: true,
          user_data: '#cloud-config\n{}\n',
          labels: {
            ...{ 'spuff.kind': 'machine', 'spuff.instance': 'web', ...own, 'spuff.expires': '1795600000' },
            [`spuff.sshkey-${parseLoginKeys([publicKey], 'plan')[0]!.fingerprint.replaceAll(':', '')}`]: '',
          },
          public_net: { enable_ipv4: true, enable_ipv6: true },
          ssh_keys: [sshKeyName],
          firewalls: [{ firewall: `spuff-${key}` }],
        },
      },
    ]);
  });

  it('of a restore names the snapshot by its number', () => {
    expect(plan(spec({ image: { kind: 'id', id: '4711' } })).requests[0]?.body).toMatchObject({
      image: '4711',
    });
  });

  it.each([
    ['key', { key: 'x' as InstanceKey, name: 'spuff-x' }],
    ['name', { name: 'other' }],
    ['instanceName', { instanceName: 'a b' }],
    ['region', { region: '../x' }],
    ['size', { size: '' }],
    ['image', { image: { kind: 'slug', slug: '4711' } }],
    ['image', { image: { kind: 'id', id: 'debian-12' } }],
    ['spot', { spot: true }],
    ['firewall', { firewall: { allowSshFrom: ['198.51.100.7'] } }],
    ['sshPublicKeys', { sshPublicKeys: ['not a key'] }],
  ] satisfies [string, Partial<VmSpec>][])('with a wrong %s is refused: %j', (field, change) => {
    expect(() => plan(spec(change))).toThrow(
      expect.objectContaining({ providerCode: 'invalid', info: expect.objectContaining({ field }) }),
    );
  });

  it('takes user data up to the limit, in bytes, and says both sizes', () => {
    const full = 'é'.repeat(maxUserDataBytes / 2);
    expect(plan(spec({ userData: full })).requests).toHaveLength(1);
    expect(() => plan(spec({ userData: `${full}x` }))).toThrow(/32769 bytes.*32768/);
  });
});

describe('login keys', () => {
  it('are told apart by the key, whatever the comment, and have the fingerprint of the API', () => {
    const keys = parseLoginKeys([`${publicKey} a`, publicKey, `${publicKey} b c`], 'create');
    // As `ssh-keygen -l -E md5` prints it.
    expect(keys.map(({ fingerprint }) => fingerprint)).toEqual([
      'b2:9f:8d:c1:e5:69:4d:4b:03:d5:bc:b6:0d:2b:7c:90',
    ]);
  });

  it.each([
    '',
    'ssh-ed25519',
    `${publicKey}\nssh-rsa AAAA`,
    `-----BEGIN OPENSSH PRIVATE KEY-----`,
    `command="x" ${publicKey}`,
  ])('%j is none, and is not shown', (line) => {
    expect(() => parseLoginKeys([line], 'create')).toThrow('one of the SSH public keys is none');
  });
});

describe('networks', () => {
  it.each(['198.51.100.7/32', '0.0.0.0/0', '2001:db8::/64', '::/0'])('%s is one', (network) => {
    expect(() => checkNetworks([network], 'create')).not.toThrow();
  });

  it.each([
    '198.51.100.7',
    '198.51.100.7/33',
    '2001:db8::/129',
    '1.2.3/24',
    '1.2.3.4/24/1',
    '1.2.3.4/-1',
    'any',
    '',
  ])('%j is none', (network) => {
    expect(() => checkNetworks([network], 'create')).toThrow(/is no network/);
  });

  it('in one rule are a hundred at most', () => {
    const many = (count: number) => Array.from({ length: count }, (_, at) => `10.0.0.${at}/32`);
    expect(() => checkNetworks(many(100), 'create')).not.toThrow();
    expect(() => checkNetworks(many(101), 'create')).toThrow('takes 100 networks, not 101');
  });

  it('are read from whatever rules a person has made', () => {
    const rule = (port: unknown, source_ips: unknown, more = {}) => ({
      direction: 'in',
      protocol: 'tcp',
      port,
      source_ips,
      ...more,
    });
    const rules = [
      rule('22', ['198.51.100.7/32', 5]),
      rule('20-30', ['198.51.100.8/32']),
      rule(null, ['198.51.100.9/32']),
      rule('2222', ['198.51.100.1/32']),
      rule('22', ['198.51.100.2/32'], { direction: 'out' }),
      rule('22', ['198.51.100.3/32'], { protocol: 'udp' }),
      rule('22', ['198.51.100.7/32', 'x\u001b[2J']),
      null,
    ];
    expect(allowedNetworks({ rules })).toEqual(['198.51.100.7/32', '198.51.100.8/32', '198.51.100.9/32']);
    expect(allowedNetworks({})).toEqual([]);
  });
});

describe('a label value', () => {
  it.each([
    ['ana@example.org', 'ana_example.org'],
    ['größe', 'gr_e'],
    ['--a--', 'a'],
    ['§', ''],
    [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
  ])('of %s is %s', (text, value) => {
    expect(asLabelValue(text)).toBe(value);
  });
});
