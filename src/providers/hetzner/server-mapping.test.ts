import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../domain/provider-error.ts';
import { toVm } from './server-mapping.ts';

const key = '01jd8v6q2wz5n7k3m9x4c1b0ta';

/** No more than what is read. */
const server = (change: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: 42,
  name: `spuff-${key}`,
  status: 'running',
  created: '2026-11-23T10:11:12+00:00',
  public_net: { ipv4: { ip: '203.0.113.7' }, ipv6: { ip: '2001:db8:1::/64' } },
  server_type: { name: 'cpx22', architecture: 'x86' },
  location: { name: 'nbg1' },
  labels: {
    'spuff.kind': 'machine',
    'spuff.key': key,
    'spuff.instance': 'web',
    'spuff.owner': 'ana',
    'spuff.expires': '1795600000',
    team: 'a',
  },
  ...change,
});

describe('a server of the API', () => {
  it('is a machine', () => {
    expect(toVm(server(), 'get')).toEqual({
      id: '42',
      key,
      name: `spuff-${key}`,
      instanceName: 'web',
      state: 'running',
      rawState: 'running',
      ipv4: '203.0.113.7',
      ipv6: '2001:db8:1::1',
      ssh: { host: '203.0.113.7', port: 22 },
      region: 'nbg1',
      size: 'cpx22',
      arch: 'x86_64',
      createdAt: new Date('2026-11-23T10:11:12Z'),
      expiresAt: new Date(1_795_600_000_000),
      onIdle: 'destroy',
      stoppedAt: null,
      labels: {
        'spuff.kind': 'machine',
        'spuff.key': key,
        'spuff.instance': 'web',
        'spuff.owner': 'ana',
        'spuff.expires': '1795600000',
      },
      billed: true,
    });
  });

  it.each([
    ['initializing', 'provisioning'],
    ['starting', 'provisioning'],
    ['running', 'running'],
    ['stopping', 'stopping'],
    ['off', 'stopped'],
    ['deleting', 'deleting'],
    ['migrating', 'unknown'],
    ['rebuilding', 'unknown'],
    ['unknown', 'unknown'],
    ['hibernating', 'unknown'],
    ['constructor', 'unknown'],
  ])('that is %s is %s', (status, state) => {
    expect(toVm(server({ status }), 'get')).toMatchObject({ state, rawState: status, billed: true });
  });

  it.each([
    ['server.id', { id: '42' }],
    ['server.id', { id: 2 ** 60 }],
    ['server.name', { name: null }],
    ['server.status', { status: undefined }],
    ['server.created', { created: 'yesterday' }],
    ['server.public_net', { public_net: null }],
    ['server.server_type', { server_type: 'cpx22' }],
    ['server.server_type.name', { server_type: {} }],
    ['server.location', { location: [] }],
    ['server.location.name', { location: { name: '' } }],
  ])('without %s is an error of the protocol that names it: %j', (field, change) => {
    let error: unknown;
    try {
      toVm(server(change), 'list');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ProviderError);
    expect(error).toMatchObject({
      providerCode: 'protocol',
      info: { provider: 'hetzner', op: 'list', field },
    });
    expect((error as ProviderError).message).toContain(field);
  });

  it('has no address where the API has none yet, or none that is one', () => {
    const none = toVm(server({ public_net: { ipv4: null, ipv6: null } }), 'get');
    expect(none).toMatchObject({ ipv4: null, ipv6: null, ssh: null });
    const hostile = { ipv4: { ip: '-oProxyCommand=x' }, ipv6: { ip: '2001:db8::5/64' } };
    expect(toVm(server({ public_net: hostile }), 'get')).toMatchObject({ ipv4: null, ipv6: null, ssh: null });
  });

  it('of the newer internet alone is dialled there', () => {
    const vm = toVm(server({ public_net: { ipv4: null, ipv6: { ip: '2001:db8:1::/64' } } }), 'get');
    expect(vm.ssh).toEqual({ host: '2001:db8:1::1', port: 22 });
  });

  it('on ARM is so', () => {
    expect(toVm(server({ server_type: { name: 'cax11', architecture: 'arm' } }), 'get').arch).toBe('arm64');
  });

  it.each([
    ['a key that is none', { 'spuff.kind': 'machine', 'spuff.key': 'x' }],
    ['no mark', { 'spuff.key': key }],
    ['no labels', undefined],
    ['labels that are none', 'spuff.key'],
  ])('with %s has no key', (_what, labels) => {
    expect(toVm(server({ labels }), 'list').key).toBeNull();
  });

  it('with a hostile label or deadline shows none of it', () => {
    const labels = {
      'spuff.kind': 'machine',
      'spuff.instance': '../x',
      'spuff.expires': '1e9',
      'spuff.owner': 'a\u001b[2J',
    };
    expect(toVm(server({ labels }), 'list')).toMatchObject({
      instanceName: null,
      expiresAt: null,
      labels: { 'spuff.owner': 'a\\x1b[2J' },
    });
  });
});
