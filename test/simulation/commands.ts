/** spuff's own use cases, each as a process on a computer of the simulation. */
import type { AppContext } from '../../src/app/context.ts';
import { downInstance } from '../../src/app/down.ts';
import { ownerName } from '../../src/app/owner.ts';
import { watchClock } from '../../src/app/provider-clock.ts';
import { reapOnce } from '../../src/app/reap.ts';
import type { ReapReport } from '../../src/app/reap-run.ts';
import { upInstance } from '../../src/app/up.ts';
import { upSteps } from '../../src/app/up-steps.ts';
import type { AgentConfig } from '../../src/domain/agent-config.ts';
import { SpuffError } from '../../src/domain/errors.ts';
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Instance } from '../../src/domain/instance.ts';
import { silentProgress } from '../../src/domain/progress.ts';
import { defaultSettings, type Settings } from '../../src/domain/settings.ts';
import type { Ssh } from '../../src/domain/ssh.ts';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import { MemoryAudit } from '../fakes/memory-audit.ts';
import type { CloudModel } from './cloud-model.ts';
import type { SimProcess } from './host.ts';
import { openStateOf, type StateWatcher } from './process-state.ts';
import { covers } from './spans.ts';

export interface CommandWorld extends StateWatcher {
  model: CloudModel;
  settings: Partial<Settings>;
  now: () => number;
  writesTwice: boolean;
  /** The end of a lease is about to be moved, and then: it is. */
  onExtend(key: InstanceKey, expiresAt: Date, isDone: boolean): void;
  /** Brings the agent to a machine; false: the machine does not answer. */
  install(vmId: string, config: AgentConfig): boolean;
}

const hostKey = makeHostKey('simulated');

export function openContext(world: CommandWorld, process: SimProcess): AppContext {
  const provider = world.model.open(process);
  const unused = () => Promise.reject(new TypeError('not simulated'));
  return {
    ...{
      home: '/home/someone/.spuff',
      directory: '/projects/here',
      mayAsk: false,
      progress: silentProgress,
      audit: new MemoryAudit(),
    },
    ...{ runtime: process.runtime, signal: process.signal },
    settings: async () => ({
      ...{ ...defaultSettings, provider: world.model.id, firewall: ['198.51.100.7/32'] },
      ...world.settings,
    }),
    project: async () => null,
    projectFiles: unused,
    state: async () => {
      const state = openStateOf(process, world);
      return world.writesTwice ? { ...state, addReceipt: () => true } : state;
    },
    provider: async () => provider,
    ssh: async () => createSsh(world, process),
    mounts: async () => ({ list: async () => [], unmount: unused, check: unused }),
    policy: async () => [],
    ...{
      agentPackage: unused,
      rescues: unused,
      guardPolicy: unused,
      guardFile: unused,
      guardControl: unused,
      tunnels: unused,
      trust: unused,
    },
  };
}

function createSsh(world: CommandWorld, process: SimProcess): Ssh {
  const known: Partial<Ssh> = {
    makeHostKey: () => hostKey,
    findLoginKeys: async () => ({ publicKeys: [hostKey.publicKey], publicKeyPath: null, notes: [] }),
    async establishIdentity({ identity }, save) {
      await process.mayDie();
      await process.sleep(5_000);
      const { injectedPublicKey } = identity;
      const pinned = { phase: 'pinned', injectedPublicKey, publicKey: hostKey.publicKey } as const;
      save(pinned);
      return pinned;
    },
    // There is a hook before the end, and it goes well.
    async run() {
      await process.mayDie();
      await process.sleep(2_000);
      if (covers(process.host.cutOff, world.now())) throw new SpuffError('connection', 'no answer');
      return { stdout: '', stderr: '', exitCode: 0 };
    },
    disconnect: async () => undefined,
    forget: async () => undefined,
  };
  return known as Ssh;
}

/** The real steps, but for those that talk to a machine. */
function stepsIn(world: CommandWorld, process: SimProcess): typeof upSteps {
  return (run) =>
    upSteps(run).map((step) => {
      if (step.name === 'first-boot') return { ...step, run: () => process.sleep(20_000) };
      if (step.name !== 'agent') return step;
      return {
        ...step,
        run: async (of) => {
          await tellMachine(world, process, of.instance);
          of.instance = of.state.updateInstance(of.instance.key, {
            agent: { version: '1.0.0', sha256: 'ab' },
          });
        },
      };
    });
}

async function tellMachine(world: CommandWorld, process: SimProcess, instance: Instance): Promise<void> {
  const { vmId, expiresAt, idleTimeoutMs, user } = instance;
  await process.sleep(8_000);
  await process.mayDie();
  const isReached = vmId !== null && !covers(process.host.cutOff, world.now());
  const config = {
    user,
    deadline: expiresAt === null ? null : Math.floor(expiresAt.getTime() / 1_000),
    idleTimeoutSeconds: idleTimeoutMs === null ? null : Math.ceil(idleTimeoutMs / 1_000),
  };
  if (!isReached || !world.install(vmId, config))
    throw new SpuffError('connection', 'the machine does not answer');
  await process.mayDie();
}

export async function runUp(world: CommandWorld, process: SimProcess, name: string): Promise<Instance> {
  return upInstance(openContext(world, process), { name }, stepsIn(world, process));
}

export async function runDown(world: CommandWorld, process: SimProcess, name: string): Promise<void> {
  const context = openContext(world, process);
  const instance = (await context.state()).findInstance(name);
  if (instance) await downInstance(context, instance, { snapshot: null, force: false, rescue: true });
}

export async function runReap(
  world: CommandWorld,
  process: SimProcess,
  scope: 'own' | 'account',
): Promise<ReapReport> {
  const owner = scope === 'own' ? ownerName() : null;
  return reapOnce(openContext(world, process), { providers: [world.model.id], owner, dryRun: false });
}

/** As `spuff extend` does it: a longer lease is in force at the provider before the machine and the state have it. */
export async function runExtend(
  world: CommandWorld,
  process: SimProcess,
  name: string,
  byMs: number,
): Promise<void> {
  const context = openContext(world, process);
  const state = await context.state();
  const instance = state.findInstance(name);
  if (instance?.phase !== 'ready') return;
  const provider = await context.provider(instance.provider);
  const clock = watchClock(context, provider);
  const vm = await provider.find(instance.key, clock.options(60_000));
  if (vm?.state !== 'running' || vm.expiresAt === null) return;
  const expiresAt = new Date(vm.expiresAt.getTime() + byMs);
  const operation = state.beginOperation('extend', instance.key);
  world.onExtend(instance.key, expiresAt, false);
  try {
    await provider.setExpiry(vm.id, expiresAt, { ...clock.options(120_000), expectKey: instance.key });
    await tellMachine(world, process, { ...instance, expiresAt });
    state.updateInstance(instance.key, { expiresAt });
    state.endOperation(operation.id, 'done');
    world.onExtend(instance.key, expiresAt, true);
  } catch (error) {
    state.endOperation(operation.id, 'failed');
    throw error;
  }
}
