import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Instance } from '../../src/domain/instance.ts';
import { Secret } from '../../src/domain/secret.ts';

/** An instance that is ready for use, made two hours before `nowMs` of the fakes; `change` says what is different. */
export function sampleInstance(change: Partial<Instance> = {}): Instance {
  const name = change.name ?? 'demo';
  return {
    key: `01k${name
      .replaceAll(/[^0-9a-hjkmnp-tv-z]/g, '0')
      .padEnd(23, '0')
      .slice(0, 23)}` as InstanceKey,
    name,
    provider: 'fake',
    phase: 'ready',
    vmId: `vm-${name}`,
    region: 'here',
    size: 'small',
    arch: 'x86_64',
    image: { kind: 'slug', slug: 'debian-12' },
    user: 'dev',
    ssh: { host: '127.0.0.1', port: 2201 },
    sshPublicKeyPath: '/home/someone/.ssh/id_ed25519.pub',
    tailnet: null,
    hostIdentity: { phase: 'pinned', injectedPublicKey: 'ssh-ed25519 AAAA1', publicKey: 'ssh-ed25519 AAAA2' },
    agentToken: new Secret('token-that-nobody-may-see'),
    agent: { version: '1.2.3', sha256: 'ab' },
    directory: '/projects/elsewhere',
    createdAt: new Date(Date.UTC(2026, 10, 23, 10, 0, 0)),
    readyAt: new Date(Date.UTC(2026, 10, 23, 10, 0, 5)),
    expiresAt: new Date(Date.UTC(2026, 10, 24, 10, 0, 0)),
    idleTimeoutMs: 7_200_000,
    tariff: null,
    vmState: { state: 'running', checkedAt: new Date(Date.UTC(2026, 10, 23, 10, 0, 5)) },
    ...change,
  };
}
