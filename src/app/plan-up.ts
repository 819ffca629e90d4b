import { userInfo } from 'node:os';
import { checkInstanceName, checkUserName, nearestInstanceName } from '../domain/names.ts';
import type { ImageRef, Provider } from '../domain/provider.ts';
import type { Settings } from '../domain/settings.ts';
import type { LoginKeys } from '../domain/ssh.ts';
import type { AppContext } from './context.ts';

/** What the user asked for; what is undefined comes from the settings, then from the provider. */
export interface UpRequest {
  name: string;
  provider?: string | undefined;
  region?: string | undefined;
  size?: string | undefined;
  image?: string | undefined;
  snapshot?: string | undefined;
  /** The lease; null: no deadline. */
  ttlMs?: number | null | undefined;
  idleTimeoutMs?: number | null | undefined;
}

/** Every decision of `up`, made before anything is changed anywhere. */
export interface UpPlan {
  name: string;
  provider: string;
  region: string;
  size: string;
  image: ImageRef;
  user: string;
  owner: string;
  directory: string;
  ttlMs: number | null;
  idleTimeoutMs: number | null;
  keys: LoginKeys;
}

/**
 * Decides everything that `up` needs to know. Reads settings and public keys, and changes nothing.
 * @throws SpuffError `usage` | `config` | `permission` naming what is wrong
 */
export async function planUp(context: AppContext, request: UpRequest): Promise<UpPlan> {
  const name = checkInstanceName(request.name);
  const settings = await context.settings();
  const provider = await context.provider(request.provider ?? settings.provider);
  const ssh = await context.ssh();
  return {
    name,
    provider: provider.id,
    region: request.region ?? settings.region ?? provider.defaults.region,
    size: request.size ?? settings.size ?? provider.defaults.size,
    image: await chooseImage(context, request, settings, provider),
    user: checkUserName(settings.user),
    owner: nearestInstanceName(userInfo().username) ?? 'unknown',
    directory: context.directory,
    ttlMs: request.ttlMs === undefined ? settings.maxLifetimeMs : request.ttlMs,
    idleTimeoutMs: request.idleTimeoutMs === undefined ? settings.idleTimeoutMs : request.idleTimeoutMs,
    keys: await ssh.findLoginKeys(settings.sshKey),
  };
}

async function chooseImage(
  context: AppContext,
  request: UpRequest,
  settings: Settings,
  provider: Provider,
): Promise<ImageRef> {
  if (request.snapshot !== undefined) {
    const { findSnapshot } = await import('./snapshots.ts');
    const snapshot = await findSnapshot(context, provider, request.snapshot);
    return { kind: 'id', id: snapshot.id };
  }
  const slug = request.image ?? settings.image;
  return slug === null ? provider.defaults.image : { kind: 'slug', slug };
}
