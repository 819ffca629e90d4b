import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { CallOptions, Provider, Vm } from '../domain/provider.ts';
import { escapeText } from '../lib/escape.ts';

/**
 * Destroys the machine of an instance and what belongs to it, and asks the provider again whether it is gone. The machine
 * is looked up by its key, so that one whose order was never answered is found too.
 * @param onFound told of the machine before it is destroyed
 * @returns the machine as it was; null when there was none
 * @throws SpuffError when anything of it is still there
 */
export async function removeMachine(
  provider: Provider,
  instance: Pick<Instance, 'key' | 'name' | 'vmId'>,
  options: CallOptions,
  onFound: (vm: Vm) => void = () => undefined,
): Promise<Vm | null> {
  const found = await provider.find(instance.key, options);
  if (found) onFound(found);
  const id = found?.id ?? instance.vmId;
  if (id !== null) await provider.destroy(id, { ...options, expectKey: instance.key });
  for await (const leftover of provider.leftovers(instance.key, options)) {
    await provider.removeLeftover(leftover, options);
  }
  await requireGone(provider, instance, options);
  return found;
}

async function requireGone(
  provider: Provider,
  instance: Pick<Instance, 'key' | 'name'>,
  options: CallOptions,
): Promise<void> {
  const remaining: string[] = [];
  const vm = await provider.find(instance.key, options);
  if (vm) remaining.push(`machine ${vm.id} (${vm.rawState})`);
  for await (const leftover of provider.leftovers(instance.key, options))
    remaining.push(`${leftover.kind} ${leftover.id}`);
  if (remaining.length === 0) return;
  throw new SpuffError(
    'provider',
    `${instance.name} is not gone: ${escapeText(remaining.join(', '), { singleLine: true })}`,
    {
      hints: [`try again: spuff down ${instance.name}`],
    },
  );
}
