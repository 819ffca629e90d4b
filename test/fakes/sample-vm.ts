import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Vm } from '../../src/domain/provider.ts';

/** A machine as a provider tells of it, of nobody in particular; `change` says what is different. */
export function sampleVm(change: Partial<Vm> = {}): Vm {
  return {
    id: 'vm-lost',
    key: '01k00000000000000000000099' as InstanceKey,
    name: 'spuff-01k00000000000000000000099',
    instanceName: 'lost',
    state: 'running',
    rawState: 'running',
    ipv4: null,
    ipv6: null,
    ssh: null,
    region: 'here',
    size: 'small',
    arch: 'x86_64',
    createdAt: new Date(Date.UTC(2026, 10, 23, 10, 0, 0)),
    expiresAt: null,
    onIdle: 'destroy',
    stoppedAt: null,
    labels: {},
    billed: false,
    ...change,
  };
}
