import { createHash } from 'node:crypto';
import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import { isInstanceKey } from '../../domain/ids.ts';
import { isInstanceName } from '../../domain/names.ts';
import type { VmSpec } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { EngineCapacity } from './engine-capacity.ts';
import { initPath, systemdPath } from './image-recipe.ts';
import { localRegion, machineLabels } from './labels.ts';
import { readSize } from './sizes.ts';
import { makeArchive } from './tar-archive.ts';
import { offMarkerFiles } from './why-off.ts';

export const networkName = 'spuff';

/** Room for what bootstrap and a user write; engines themselves set no limit, but the machine reads it at each boot. */
export const maxUserDataBytes = 262_144;

/**
 * What systemd, cloud-init, sshd and package installation need, one reason each. Everything else is dropped, also what
 * engines give by default (MKNOD, NET_RAW).
 */
export const capabilities: Readonly<Record<string, string>> = {
  CHOWN: 'packages and useradd give files to their owners',
  DAC_OVERRIDE: 'root works on files of others',
  FOWNER: 'root changes modes of files of others',
  FSETID: 'dpkg keeps set-group-id bits',
  SETFCAP: 'packages give programs file capabilities',
  SETGID: 'login, sudo, services',
  SETUID: 'login, sudo, services',
  SETPCAP: 'systemd drops capabilities of services',
  NET_BIND_SERVICE: 'sshd listens on port 22',
  SYS_CHROOT: 'sshd separates privileges',
  KILL: 'systemd ends services of other users',
  AUDIT_WRITE: 'login and sudo write audit records',
  SYS_ADMIN: 'systemd mounts, and sandboxes services with namespaces',
  NET_ADMIN: 'nftables in the network namespace of the machine',
};

/** More than a machine at work needs, and few enough that a fork bomb stays inside. */
const maxProcesses = 8_192;

/** Engines give 64 MiB, which browsers and databases run out of. */
const sharedMemoryBytes = 1_073_741_824;

/** systemd's word for an orderly power-off. */
const stopSignal = 'SIGRTMIN+3';

/** @throws ProviderError `invalid` naming the field, before any call */
export function checkSpec(spec: VmSpec, op: string): void {
  const invalid = (field: string, message: string, hints: string[] = []) =>
    new ProviderError('invalid', message, { provider: 'local', op, retryable: false, field, hints });
  if (!isInstanceKey(spec.key)) throw invalid('key', `${JSON.stringify(spec.key)} is not an instance key`);
  if (spec.name !== `spuff-${spec.key}`) throw invalid('name', 'the name of a machine is spuff- and its key');
  if (!isInstanceName(spec.instanceName)) {
    throw invalid('instanceName', `${JSON.stringify(spec.instanceName)} is not a usable host name`);
  }
  if (spec.region !== localRegion) {
    throw invalid('region', `the local provider has no region ${JSON.stringify(spec.region)}`, [
      `its only one is ${localRegion}`,
    ]);
  }
  const bytes = Buffer.byteLength(spec.userData);
  if (bytes > maxUserDataBytes) {
    throw invalid(
      'userData',
      `the user data has ${bytes} bytes; the local provider takes ${maxUserDataBytes}`,
    );
  }
  readSize(spec.size, op);
}

/** The library's types lack the member. */
interface MachineHostConfig extends HostConfig {
  CgroupnsMode: 'private';
}

/** What of the engine changes the request. */
export type EngineTraits = Pick<EngineCapacity, 'limits' | 'apparmor'>;

const usualEngine: EngineTraits = { limits: { cpus: true, memory: true, processes: true }, apparmor: false };

/** The body of the request that makes the machine, as the Engine API takes it. */
export function containerRequest(
  spec: VmSpec,
  image: string,
  engine: EngineTraits = usualEngine,
): ContainerCreateOptions {
  return {
    name: spec.name,
    Hostname: spec.instanceName,
    Image: image,
    Entrypoint: [initPath],
    // Podman prepares a container for systemd when the last word of its command is systemd.
    Cmd: [systemdPath],
    Env: ['container=docker'],
    Labels: machineLabels(spec),
    StopSignal: stopSignal,
    ExposedPorts: { '22/tcp': {} },
    HostConfig: hostConfig(spec, engine),
  };
}

/** Limits that the engine can't enforce are left out: it would refuse the whole request. `checkAccess` names them. */
function hostConfig(spec: VmSpec, engine: EngineTraits): MachineHostConfig {
  const size = readSize(spec.size, 'create');
  const bytes = (size?.memoryMiB ?? 0) * 1_048_576;
  return {
    NetworkMode: networkName,
    // No port: the engine picks one. Loopback only: nobody else on the network reaches the machine.
    PortBindings: { '22/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
    CapDrop: ['ALL'],
    CapAdd: Object.keys(capabilities),
    CgroupnsMode: 'private',
    Privileged: false,
    RestartPolicy: { Name: 'no' },
    ...(engine.limits.processes && { PidsLimit: maxProcesses }),
    // Docker's profile forbids every mount, which systemd can't boot without; the capabilities stay dropped.
    ...(engine.apparmor && { SecurityOpt: ['apparmor=unconfined'] }),
    ShmSize: sharedMemoryBytes,
    // As on any machine: only root listens below 1024. Docker would let everyone, Podman nobody.
    Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '1024' },
    // Nothing of a machine's run-time may reach a snapshot.
    Tmpfs: { '/run': 'rw,nosuid,nodev,noexec,mode=755', '/run/lock': 'rw,nosuid,nodev,noexec,mode=1777' },
    // MemorySwap equal to Memory: no swap on top.
    ...(size && engine.limits.memory && { Memory: bytes, MemorySwap: bytes }),
    ...(size && engine.limits.cpus && { NanoCpus: size.cpus * 1e9 }),
  };
}

const seedDirectory = '/var/lib/cloud/seed/nocloud';

/**
 * What is put on the machine's disk before it starts: the seed that cloud-init's NoCloud reads, and the machine id, which
 * is the machine's own also when the image is a snapshot of another.
 * @see https://docs.cloud-init.io/en/22.4.2/topics/datasources/nocloud.html, machine-id(5)
 */
export function makeSeed(spec: VmSpec): Promise<Buffer> {
  const metaData = JSON.stringify({
    'instance-id': spec.key,
    'local-hostname': spec.instanceName,
    dsmode: 'local',
  });
  const machineId = createHash('sha256').update(`spuff machine ${spec.key}`).digest('hex').slice(0, 32);
  return makeArchive([
    { path: `${seedDirectory}/meta-data`, content: `${metaData}\n`, mode: 0o600 },
    { path: `${seedDirectory}/user-data`, content: spec.userData, mode: 0o600 },
    { path: '/etc/machine-id', content: `${machineId}\n`, mode: 0o444 },
    ...offMarkerFiles,
  ]);
}
