/** What stands behind a simulated machine: nothing but a state, or a real machine of the local provider. */
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { ImageRef, Provider } from '../../src/domain/provider.ts';
import { makeSpec, within } from '../machine/lab.ts';
import { runOnMachine } from '../machine/run-on-machine.ts';
import { startCloudMachine } from './metadata/cloud-machine.ts';
import type { Relay } from './metadata/relay.ts';
import type { CloudMetadata } from './metadata/service.ts';

export interface BackedMachine {
  /** Where it is reached: the address that the simulated cloud gives out. */
  ipv4: string;
  /** Of sshd at that address. */
  port: number;
}

export interface MachineBacking {
  /** Boots a machine that finds its user data at the metadata service. @param disk what `keep` gave; without it a fresh one */
  boot(metadata: CloudMetadata, disk?: ImageRef | null): Promise<BackedMachine & { id: string }>;
  /** Keeps a copy of the disk, until `removeAll`; null: there is none. */
  keep(id: string): Promise<ImageRef | null>;
  /** `off` when it has powered itself off. */
  state(id: string): Promise<'running' | 'off' | 'gone'>;
  /** From inside. */
  powerOff(id: string): Promise<void>;
  powerOn(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  removeAll(): Promise<void>;
}

/** No machine at all: addresses of a network that is for documentation (RFC 5737). */
export function pretendMachines(): MachineBacking {
  const states = new Map<string, 'running' | 'off'>();
  let count = 0;
  return {
    async boot() {
      const id = `pretended-${++count}`;
      states.set(id, 'running');
      return { id, ipv4: `203.0.113.${count % 250}`, port: 22 };
    },
    keep: async () => null,
    state: async (id) => states.get(id) ?? 'gone',
    powerOff: async (id) => void (states.has(id) && states.set(id, 'off')),
    powerOn: async (id) => void (states.has(id) && states.set(id, 'running')),
    remove: async (id) => void states.delete(id),
    removeAll: async () => states.clear(),
  };
}

export interface RealMachines extends MachineBacking {
  /** Waits until cloud-init has ended on each machine. */
  awaitFirstBoots(): Promise<void>;
}

/** Real machines, each with its cloud's metadata service on 169.254.169.254. */
export function realMachines(local: Provider): RealMachines {
  const machines = new Map<string, { key: InstanceKey; relay: Relay }>();
  const disks: string[] = [];
  const remove = async (id: string) => {
    const machine = machines.get(id);
    if (!machine) return;
    machines.delete(id);
    try {
      await local.destroy(id, { ...within(60_000), expectKey: machine.key });
    } finally {
      await machine.relay.stop();
    }
  };
  return {
    async boot(metadata, disk = null) {
      const spec = makeSpec({ instanceName: metadata.hostName, ...(disk && { image: disk }) });
      const { id, relay } = await startCloudMachine(spec, metadata);
      machines.set(id, { key: spec.key, relay });
      await local.waitFor(id, 'running', within(60_000));
      // The network has an address of its own, which this computer reaches.
      return { id, ipv4: relay.ipv4, port: 22 };
    },
    async keep(id) {
      const key = machines.get(id)?.key;
      if (key === undefined || !local.snapshots) return null;
      const kept = await local.snapshots.create(id, `disk-${key}`, { ...within(120_000), expectKey: key });
      disks.push(kept.id);
      return { kind: 'id', id: kept.id };
    },
    state: async (id) => {
      const vm = await local.get(id, within(30_000));
      if (vm === null) return 'gone';
      return vm.state === 'stopped' ? 'off' : 'running';
    },
    powerOff: async (id) => {
      const vm = await local.get(id, within(30_000));
      if (vm) await runOnMachine(vm, ['systemctl', 'poweroff']);
    },
    powerOn: async (id) => {
      const { runProcess } = await import('../../src/lib/process.ts');
      await runProcess(['docker', 'start', id], { timeoutMs: 60_000 });
    },
    remove,
    removeAll: async () => {
      for (const id of [...machines.keys()]) await remove(id);
      for (const id of disks.splice(0).reverse()) await local.snapshots?.delete(id, within(60_000));
    },
    awaitFirstBoots: async () => {
      for (const id of machines.keys()) {
        const vm = await local.get(id, within(30_000));
        if (vm) await runOnMachine(vm, ['cloud-init', 'status', '--wait']);
      }
    },
  };
}
