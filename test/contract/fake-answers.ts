import type { Capabilities, Money, Provider, Runtime, Vm, VmSpec } from '../../src/domain/provider.ts';
import type { FakeMachine } from './fake-cloud.ts';

export const region = 'here';

export function catalog(caps: Capabilities): Awaited<ReturnType<Provider['catalog']>> {
  const places = [{ id: region, available: true, deprecatedAfter: null }];
  const shape = { diskGiB: 20, arch: 'x86_64', gpu: false, hourly: price(caps), regions: places } as const;
  return {
    regions: [{ id: region, available: true }],
    sizes: [
      { id: 'small', vcpus: 1, memoryMiB: 1_024, ...shape },
      { id: 'large', vcpus: 4, memoryMiB: 8_192, ...shape },
    ],
    images: [
      {
        ref: { kind: 'slug', slug: 'debian-12' },
        name: 'debian-12',
        os: 'debian',
        arch: 'x86_64',
        sizeBytes: null,
        createdAt: null,
        deprecatedAfter: null,
      },
    ],
  };
}

export function price(caps: Capabilities): Money | null {
  return caps.billing ? { amount: '0.01', currency: 'EUR', basis: 'net' } : null;
}

export function describeSpec(spec: VmSpec): unknown {
  return { ...spec, expiresAt: spec.expiresAt?.toISOString() ?? null };
}

export function toVm({ id, spec, createdAt, state }: FakeMachine, caps: Capabilities, runtime: Runtime): Vm {
  const now = state(runtime.now());
  const running = now === 'running';
  return {
    id,
    key: spec.key,
    name: spec.name,
    instanceName: spec.instanceName,
    state: now,
    rawState: now,
    ipv4: running ? '192.0.2.1' : null,
    ipv6: null,
    ssh: running ? { host: '192.0.2.1', port: 22 } : null,
    region: spec.region,
    size: spec.size,
    arch: 'x86_64',
    createdAt,
    expiresAt: spec.expiresAt,
    onIdle: spec.onIdle ?? 'destroy',
    stoppedAt: null,
    labels: { key: spec.key, owner: spec.owner },
    billed: caps.billing !== null,
  };
}
