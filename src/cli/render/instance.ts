import type { Instance } from '../../domain/instance.ts';

/** One word for people: what spuff is doing with it, else what the provider last said. */
export function stateOf(instance: Instance): string {
  if (instance.phase !== 'ready') return instance.phase;
  return instance.vmState?.state ?? 'unknown';
}

/** The shape `instance` of docs/json.md: nothing secret, and nothing of host keys or tokens. */
export function instanceToJson(instance: Instance): object {
  return {
    key: instance.key,
    name: instance.name,
    provider: instance.provider,
    phase: instance.phase,
    vmId: instance.vmId,
    vmState: instance.vmState?.state ?? null,
    vmStateCheckedAt: instance.vmState?.checkedAt.toISOString() ?? null,
    region: instance.region,
    size: instance.size,
    arch: instance.arch,
    image: instance.image,
    user: instance.user,
    ssh: instance.ssh,
    tailnet: instance.tailnet,
    hostIdentity: instance.hostIdentity.phase,
    agentVersion: instance.agent?.version ?? null,
    directory: instance.directory,
    createdAt: instance.createdAt.toISOString(),
    readyAt: instance.readyAt?.toISOString() ?? null,
    expiresAt: instance.expiresAt?.toISOString() ?? null,
    idleTimeoutMs: instance.idleTimeoutMs,
    tariff: instance.tariff,
  };
}
