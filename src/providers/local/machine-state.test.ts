import type { ContainerInspectInfo } from 'dockerode';
import { describe, expect, it } from 'vitest';
import { makeInstanceKey } from '../../domain/ids.ts';
import { label } from './labels.ts';
import { toVm } from './machine-state.ts';

const key = makeInstanceKey(1_700_000_000_000, new Uint8Array(10).fill(7));

interface Change {
  state?: Partial<Record<'Status' | 'Error' | 'StartedAt' | 'FinishedAt', string>> & {
    ExitCode?: number;
    OOMKilled?: boolean;
  };
  labels?: Record<string, string> | null;
  ports?: unknown;
  networks?: unknown;
  name?: string;
}

/** What an engine tells of a container, as far as it is read. */
function inspect(change: Change = {}): ContainerInspectInfo {
  return {
    Id: 'abc',
    Name: change.name ?? `/spuff-${key}`,
    Created: '2026-11-23T12:00:00.123456789Z',
    State: {
      Status: 'running',
      Error: '',
      ExitCode: 0,
      OOMKilled: false,
      StartedAt: '2026-11-23T12:00:00Z',
      FinishedAt: '2026-11-23T13:00:00Z',
      ...change.state,
    },
    Config: { Labels: change.labels === undefined ? { [label.key]: key } : change.labels },
    NetworkSettings: {
      Ports: change.ports ?? { '22/tcp': [{ HostIp: '127.0.0.1', HostPort: '32768' }] },
      Networks: change.networks ?? { spuff: { IPAddress: '172.18.0.2', GlobalIPv6Address: '' } },
    },
  } as unknown as ContainerInspectInfo;
}

describe('toVm', () => {
  it('tells what the engine tells', () => {
    expect(toVm(inspect())).toMatchObject({
      id: 'abc',
      key,
      name: `spuff-${key}`,
      state: 'running',
      ipv4: '172.18.0.2',
      ipv6: null,
      ssh: { host: '127.0.0.1', port: 32_768 },
      createdAt: new Date('2026-11-23T12:00:00.123Z'),
      billed: false,
    });
  });

  it.each([
    [{ Status: 'created' }, 'provisioning'],
    [{ Status: 'created', Error: 'port is taken' }, 'failed'],
    [{ Status: 'configured' }, 'provisioning'],
    [{ Status: 'initialized' }, 'provisioning'],
    [{ Status: 'restarting' }, 'provisioning'],
    [{ Status: 'running' }, 'running'],
    [{ Status: 'paused' }, 'running'],
    [{ Status: 'stopping' }, 'stopping'],
    [{ Status: 'removing' }, 'deleting'],
    [{ Status: 'exited' }, 'stopped'],
    [{ Status: 'stopped' }, 'stopped'],
    [{ Status: 'dead' }, 'failed'],
    [{ Status: 'something new' }, 'unknown'],
    // The computer went down under it, after a while.
    [{ Status: 'exited', ExitCode: 137 }, 'stopped'],
    [{ Status: 'exited', ExitCode: 255 }, 'stopped'],
    // It never came up.
    [{ Status: 'exited', ExitCode: 255, FinishedAt: '2026-11-23T12:00:01Z' }, 'failed'],
    [{ Status: 'exited', ExitCode: 137, OOMKilled: true }, 'failed'],
    [{ Status: 'exited', Error: 'no such program' }, 'failed'],
  ])('reads %j as %s', (state, expected) => {
    expect(toVm(inspect({ state })).state).toBe(expected);
  });

  it.each([
    ['none', {}],
    ['on all addresses', { '22/tcp': [{ HostIp: '0.0.0.0', HostPort: '22' }] }],
    ['no number', { '22/tcp': [{ HostIp: '127.0.0.1', HostPort: 'x' }] }],
    ['out of range', { '22/tcp': [{ HostIp: '127.0.0.1', HostPort: '65536' }] }],
    ['not given yet', { '22/tcp': null }],
    ['another one', { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '80' }] }],
  ])('takes no port that can not be the one of SSH: %s', (_what, ports) => {
    expect(toVm(inspect({ ports })).ssh).toBeNull();
  });

  it('trusts nothing that stands in a label or a name', () => {
    const vm = toVm(
      inspect({ labels: { [label.key]: 'x', [label.instance]: '-' }, name: '/a\u001b[2J', networks: {} }),
    );
    expect(vm).toMatchObject({ key: null, instanceName: null, ipv4: null, expiresAt: null, size: '' });
    expect(vm.name).not.toContain('\u001b');
    expect(toVm(inspect({ labels: null })).key).toBeNull();
  });
});
