/** What bears spuff's labels at a provider and belongs to nothing in the state: it may cost money that nobody thinks of. */
import { SpuffError } from '../domain/errors.ts';
import type { Leftover, Provider } from '../domain/provider.ts';
import { type AppContext, callOptions } from './context.ts';
import { removeMachine } from './remove-machine.ts';
import { listMachines } from './untracked-machines.ts';

export interface Orphan extends Leftover {
  provider: string;
  /** What the user called it, where that is known. */
  instanceName: string | null;
  createdAt: Date | null;
}

/** Machines of whoever made them, and what machines have left behind. */
export async function listOrphans(context: AppContext, providerIds: readonly string[]): Promise<Orphan[]> {
  const state = await context.state();
  // Before the providers are asked: what another process orders meanwhile is in the state first.
  const known = new Set(state.listInstances().map(({ key }) => String(key)));
  const isKnown = ({ key }: Pick<Orphan, 'key'>) =>
    key !== null && (known.has(key) || state.getInstance(key) !== null);
  const found = await Promise.all(
    providerIds.map(async (id) => {
      const provider = await context.provider(id);
      return [...(await findMachines(context, provider)), ...(await findLeftovers(context, provider))];
    }),
  );
  return found.flat().filter((orphan) => !isKnown(orphan));
}

async function findMachines(context: AppContext, provider: Provider): Promise<Orphan[]> {
  const machines = (await listMachines(context, provider)).filter(({ state }) => state !== 'gone');
  return machines.map(({ id, name, key, billed, instanceName, createdAt }) => {
    return { provider: provider.id, kind: 'vm', id, name, key, billed, instanceName, createdAt };
  });
}

async function findLeftovers(context: AppContext, provider: Provider): Promise<Orphan[]> {
  const orphans: Orphan[] = [];
  for await (const leftover of provider.leftovers(null, callOptions(context, 60_000))) {
    orphans.push({ ...leftover, provider: provider.id, instanceName: null, createdAt: null });
  }
  return orphans;
}

/**
 * Removes one, and asks the provider whether it is gone.
 * @throws SpuffError `conflict` for a machine whose key can't be read: nothing proves then that it is spuff's
 */
export async function removeOrphan(context: AppContext, orphan: Orphan): Promise<void> {
  const provider = await context.provider(orphan.provider);
  const options = callOptions(context, 5 * 60_000);
  if (orphan.kind !== 'vm') return provider.removeLeftover(orphan, options);
  if (orphan.key !== null) {
    await removeMachine(provider, { key: orphan.key, name: orphan.name, vmId: orphan.id }, options);
    return;
  }
  throw new SpuffError('conflict', `${orphan.name} bears spuff's label, but no key of spuff's`, {
    hints: [`look at it, and remove it where you see it: machine ${orphan.id} at ${orphan.provider}`],
  });
}
