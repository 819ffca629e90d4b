/** What stands behind a simulated machine: nothing but a state, or a real machine of the local provider. */
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Provider } from '../../src/domain/provider.ts';
import { makeKey, makeSpec, within } from '../machine/lab.ts';

export interface BackedMachine {
  /** Where it is reached: the address that the simulated cloud gives out. */
  ipv4: string;
  /** Of sshd at that address. */
  port: number;
}

export interface MachineBacking {
  boot(order: { userData: string; hostName: string }): Promise<BackedMachine & { id: string }>;
  /** `off` when it has powered itself off. */
  state(id: string): Promise<'running' | 'off' | 'gone'>;
  powerOff(id: string): Promise<void>;
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
    state: async (id) => states.get(id) ?? 'gone',
    powerOff: async (id) => void (states.has(id) && states.set(id, 'off')),
    remove: async (id) => void states.delete(id),
    removeAll: async () => states.clear(),
  };
}

/** Real machines, with the user data that the cloud was given. cloud-init reads it from its NoCloud seed. */
export function realMachines(local: Provider): MachineBacking {
  const keys = new Map<string, InstanceKey>();
  const remove = async (id: string) => {
    const expectKey = keys.get(id);
    if (expectKey) await local.destroy(id, { ...within(60_000), expectKey });
    keys.delete(id);
  };
  return {
    async boot({ userData, hostName }) {
      const spec = makeSpec({ key: makeKey(), instanceName: hostName, userData });
      const made = await local.create(spec, within(60_000));
      keys.set(made.id, spec.key);
      const vm = await local.waitFor(made.id, 'running', within(60_000));
      // The machine has an address of its own, which this computer reaches.
      return { id: made.id, ipv4: vm?.ipv4 ?? '', port: 22 };
    },
    state: async (id) => {
      const vm = await local.get(id, within(30_000));
      if (vm === null) return 'gone';
      return vm.state === 'stopped' ? 'off' : 'running';
    },
    powerOff: async (id) => {
      const { runOnMachine } = await import('../machine/run-on-machine.ts');
      const vm = await local.get(id, within(30_000));
      if (vm) await runOnMachine(vm, ['systemctl', 'poweroff']);
    },
    remove,
    removeAll: async () => {
      for (const id of [...keys.keys()]) await remove(id);
    },
  };
}
