/** What `up` is asked for, before anybody is asked anything, as far as policies have a say in it. */
import type { Decisions } from '../domain/policy.ts';
import type { Provider } from '../domain/provider.ts';
import type { Settings } from '../domain/settings.ts';
import { parseWish } from './choose-size.ts';

/** What is known of a plan before anybody was asked anything. */
export interface EarlyWish {
  provider: Pick<Provider, 'id' | 'caps'>;
  regions: readonly string[];
  size: string;
  /** undefined: what may be spent decides. */
  ttlMs: number | null | undefined;
  idleTimeoutMs: number | null;
  settings: Settings;
}

/** What is decided of a wish. */
export function decisionsOfWish(wish: EarlyWish): Decisions {
  const { provider, regions, size, ttlMs, idleTimeoutMs, settings } = wish;
  const { firewall, forwardAgent } = settings;
  const isBilled = provider.caps.billing !== null;
  return {
    ...{ provider: provider.id, isBilled, regions, idleTimeoutMs, forwardAgent },
    ...(ttlMs !== undefined && { lifetimeMs: ttlMs }),
    // A wish becomes a size of the provider's when its catalogue is read.
    ...(parseWish(size) === null && { size }),
    ...(isReachable(provider) &&
      firewall !== 'my-ip' && { allowSshFrom: firewall === 'open' ? null : firewall }),
    hasTailnet: settings.tailscale,
  };
}

/** A machine of this computer's own without a firewall before it is reached from here alone. */
function isReachable({ caps }: Pick<Provider, 'caps'>): boolean {
  return caps.billing !== null || caps.firewall !== 'none';
}
