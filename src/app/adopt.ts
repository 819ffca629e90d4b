/** Takes machines that the state does not know into it again, from what stands on them at the provider. */
import { SpuffError } from '../domain/errors.ts';
import { isInstanceKey } from '../domain/ids.ts';
import type { HostIdentity, Instance } from '../domain/instance.ts';
import { isInstanceName } from '../domain/names.ts';
import type { Provider, Vm } from '../domain/provider.ts';
import type { Ssh } from '../domain/ssh.ts';
import { makeAgentToken } from '../lib/agent-token.ts';
import { installAgentOn } from './agent-install.ts';
import { type AppContext, callOptions } from './context.ts';
import { isOwn } from './owner.ts';
import { listMachines } from './untracked-machines.ts';

export interface AdoptRequest {
  /** Names or keys; empty: all machines of this user. */
  wanted: readonly string[];
  provider: string | undefined;
  /** The machine's own, as the user has read it at the provider: `ssh-ed25519 AAAA…`. */
  hostKey: string | undefined;
}

/**
 * Writes down each machine of this user that is not in the state. Without its host key an instance can be listed, kept as a
 * snapshot and destroyed, and nothing is sent to it; with it, it gets an agent with a new token and is whole again.
 * @returns the instances that are new or have become whole
 * @throws SpuffError `not-found` for a name that no such machine has, `usage` for a host key that is none
 */
export async function adoptMachines(context: AppContext, request: AdoptRequest): Promise<Instance[]> {
  const provider = await context.provider(request.provider ?? (await context.settings()).provider);
  const identity = readIdentity(request.hostKey, await context.ssh());
  const machines = chooseMachines(await listMachines(context, provider), request.wanted);
  if (request.hostKey !== undefined && machines.length !== 1) {
    throw new SpuffError('usage', `a host key is of one machine, and this would be ${machines.length}`, {
      hints: ['name one: spuff adopt KEY --host-key "ssh-ed25519 AAAA…"'],
    });
  }
  const adopted: Instance[] = [];
  for (const vm of machines) {
    const instance = await adoptMachine(context, provider, vm, identity);
    if (instance) adopted.push(instance);
  }
  return adopted;
}

function chooseMachines(machines: readonly Vm[], wanted: readonly string[]): Vm[] {
  const own = machines.filter((vm) => vm.key !== null && vm.state !== 'gone');
  if (wanted.length === 0) return own.filter(isOwn);
  return wanted.map((name) => {
    const found = own.filter((vm) => vm.key === name || vm.instanceName === name);
    const [only] = found;
    if (only && found.length === 1) return only;
    if (!only) {
      throw new SpuffError(
        'not-found',
        `the provider has no machine of spuff's named ${JSON.stringify(name)}`,
        {
          hints: ['see what there is: spuff orphans'],
        },
      );
    }
    throw new SpuffError('usage', `there are ${found.length} machines named ${name}`, {
      hints: [`name it by its key: ${found.map(({ key }) => key).join(', ')}`],
    });
  });
}

function readIdentity(hostKey: string | undefined, ssh: Ssh): HostIdentity {
  if (hostKey === undefined) return { phase: 'lost' };
  const [, key] =
    /^(ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43})(?:\s.*)?$/.exec(hostKey.trim()) ?? [];
  // The one-time key of its first boot is not known any more; one that nobody holds stands for it, and is revoked.
  const nobody = ssh.makeHostKey('nobody').publicKey;
  if (key !== undefined) return { phase: 'pinned', injectedPublicKey: nobody, publicKey: key };
  throw new SpuffError('usage', 'that is no ed25519 host key', {
    hints: ['it is what this prints on the machine: sudo ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key'],
  });
}

/** @returns null for one that is in the state, and whose host key is known or not given now */
async function adoptMachine(
  context: AppContext,
  provider: Provider,
  vm: Vm,
  identity: HostIdentity,
): Promise<Instance | null> {
  const state = await context.state();
  const { key } = vm;
  if (key === null || !isInstanceKey(key)) return null;
  const known = state.getInstance(key);
  if (known && (known.hostIdentity.phase !== 'lost' || identity.phase === 'lost')) return null;
  // A list may tell less of a machine than the machine's own answer.
  const running = (await provider.get(vm.id, callOptions(context, 60_000))) ?? vm;
  const instance = known ?? (await recordFor(context, running, provider.id));
  if (!known) state.insertInstance(instance);
  if (identity.phase === 'lost') return instance;
  const whole = { ...instance, hostIdentity: identity, ssh: running.ssh, agentToken: makeAgentToken() };
  const agent = await installAgentOn(context, whole, () => undefined);
  const { hostIdentity, ssh, agentToken } = whole;
  return state.updateInstance(key, { hostIdentity, ssh, agentToken, agent });
}

/** Its own name, where that is free; else its key, which is. */
function nameFor({ instanceName, key }: Vm, instances: readonly Instance[]): string {
  const taken = instances.some(({ name }) => name === instanceName);
  return instanceName !== null && isInstanceName(instanceName) && !taken ? instanceName : String(key);
}

async function recordFor(context: AppContext, vm: Vm, provider: string): Promise<Instance> {
  const { id: vmId, region, size, arch, ssh, createdAt, expiresAt } = vm;
  const [settings, state, port] = [await context.settings(), await context.state(), await context.ssh()];
  const { publicKeyPath } = await port.findLoginKeys(settings.sshKey);
  return {
    ...{ key: vm.key as Instance['key'], name: nameFor(vm, state.listInstances()), provider, phase: 'ready' },
    ...{ vmId, region, size, arch, user: settings.user, ssh },
    image: { kind: 'slug', slug: 'unknown' },
    sshPublicKeyPath: publicKeyPath,
    tailnet: null,
    hostIdentity: { phase: 'lost' },
    agentToken: makeAgentToken(),
    agent: null,
    directory: context.directory,
    ...{ createdAt, readyAt: createdAt, expiresAt, idleTimeoutMs: settings.idleTimeoutMs, tariff: null },
    vmState: { state: vm.state, checkedAt: new Date(context.runtime.now()) },
  };
}
