import type { Instance } from '../domain/instance.ts';
import type { Provider } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import type { Receipt } from '../domain/receipt.ts';
import { assumeEnd } from '../domain/unseen-end.ts';
import type { ClockWatch } from './provider-clock.ts';

/**
 * When a machine ended that is gone and that nobody here saw end: by the provider's word, where it has one and that can be
 * true; else what is assumed.
 */
export async function findUnseenEnd(
  provider: Pick<Provider, 'endOf'>,
  instance: Instance,
  clock: ClockWatch,
): Promise<Pick<Receipt, 'endedAt' | 'assumedEndAt'>> {
  const endedAt = await askEnd(provider, instance, clock);
  const { nowMs } = clock.read();
  const isTrue = endedAt !== null && endedAt >= instance.createdAt && endedAt.getTime() <= nowMs;
  if (isTrue) return { endedAt, assumedEndAt: null };
  return { endedAt: null, assumedEndAt: assumeEnd(instance, nowMs) };
}

/** That it can't be told keeps no record of a machine that is gone. */
async function askEnd(
  provider: Pick<Provider, 'endOf'>,
  { vmId }: Instance,
  clock: ClockWatch,
): Promise<Date | null> {
  if (vmId === null) return null;
  try {
    return (await provider.endOf?.(vmId, clock.options(30_000))) ?? null;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return null;
  }
}
