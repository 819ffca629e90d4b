import { SpuffError } from '../domain/errors.ts';
import type { MoneyLimit, Tariff } from '../domain/money.ts';
import { checkInstanceName, checkUserName } from '../domain/names.ts';
import type { ImageRef, OnIdle, Provider } from '../domain/provider.ts';
import type { Settings } from '../domain/settings.ts';
import { leaseWithin } from '../domain/spend-limit.ts';
import type { LoginKeys } from '../domain/ssh.ts';
import type { AppContext } from './context.ts';
import { type EffectiveSettings, effectiveSettings } from './effective-settings.ts';
import type { PrebuildSearch } from './find-prebuild.ts';
import { ownerName } from './owner.ts';
import { type PricedSize, priceSize } from './plan-price.ts';
import type { EarlyWish } from './plan-wish.ts';
import { describeWrongClock, watchClock, wrongByMs } from './provider-clock.ts';

/** What the user asked for; what is undefined comes from the project, then from the settings, then from the provider. */
export interface UpRequest {
  name: string;
  provider?: string | undefined;
  /** In the order of preference. */
  regions?: readonly string[] | undefined;
  size?: string | undefined;
  image?: string | undefined;
  snapshot?: string | undefined;
  /** Asked what to start from in place of the image, unless a snapshot is named. */
  prebuild?: Pick<PrebuildSearch, 'find'> | undefined;
  spot?: boolean | undefined;
  /** The lease; null: no deadline. */
  ttlMs?: number | null | undefined;
  /** The most that it may cost: the lease ends before it costs more. */
  maxSpend?: MoneyLimit | undefined;
  /** Goes on where a monthly budget says no. */
  overBudget?: boolean | undefined;
  idleTimeoutMs?: number | null | undefined;
}

/** Every decision of `up`, made before anything is changed anywhere. */
export interface UpPlan {
  name: string;
  provider: string;
  /** Where it is tried first. */
  region: string;
  /** And then, where there is no room. */
  otherRegions: readonly string[];
  size: string;
  image: ImageRef;
  spot: boolean;
  user: string;
  owner: string;
  directory: string;
  ttlMs: number | null;
  /** What the lease is cut to; null: nothing, or a longer time than it has anyhow. */
  maxSpend: MoneyLimit | null;
  idleTimeoutMs: number | null;
  onIdle: OnIdle;
  /** Networks that may reach port 22; null: everybody. */
  allowSshFrom: readonly string[] | null;
  /** Whether it joins the user's tailnet. */
  tailnet: boolean;
  tariff: Tariff | null;
  /** Of the dearest region that may be tried; null: nothing is billed, or what it costs in one of them is not known. */
  dearest: Tariff | null;
  isBilled: boolean;
  /** How far the provider's clock is ahead of this computer's; null where it has not told. */
  clockAheadMs: number | null;
  keys: LoginKeys;
}

/**
 * Decides everything that `up` needs to know. Reads the project's file, settings, public keys and, where machines cost money, the provider's
 * catalogue; changes nothing.
 * @param refuseEarly hears what is wished for before anybody is asked anything; throws what is not allowed
 * @param isBudgeted a limit that is not in the settings depends on the price
 * @throws SpuffError `usage` | `config` | `permission` | `quota` naming what is wrong
 */
export async function planUp(
  context: AppContext,
  request: UpRequest,
  refuseEarly: (wish: EarlyWish) => void = () => undefined,
  isBudgeted = false,
): Promise<UpPlan> {
  const name = checkInstanceName(request.name);
  const effective = await effectiveSettings(context, request);
  const { settings, project } = effective;
  const provider = await context.provider(settings.provider);
  const regions = chooseRegions(request, settings, provider);
  if (request.spot && !provider.caps.spot)
    throw new SpuffError('unsupported', `${provider.id} has no spot machines`, {
      hints: ['leave out --spot'],
    });
  await checkRescue(context, settings);
  if (settings.tailscale) (await import('./tailnet.ts')).requireTailnetKey(settings);
  const wanted = request.size ?? settings.size ?? provider.defaults.size;
  const idleTimeoutMs = request.idleTimeoutMs === undefined ? settings.idleTimeoutMs : request.idleTimeoutMs;
  const ttlMs = request.ttlMs === undefined ? settings.maxLifetimeMs : request.ttlMs;
  const decidedMs = request.maxSpend ? undefined : ttlMs;
  refuseEarly({ provider, regions, size: wanted, ttlMs: decidedMs, idleTimeoutMs, settings });
  const ssh = await context.ssh();
  const [region = '', ...otherRegions] = regions;
  const clock = watchClock(context, provider);
  const priced = await priceSize(context, provider, clock, {
    ...{ wanted, regions, spot: request.spot ?? false },
    isLimited: request.maxSpend !== undefined || settings.monthlyBudgets !== null || isBudgeted,
  });
  const wrongMs = wrongByMs(clock.aheadMs());
  if (wrongMs !== 0) context.progress.warn(describeWrongClock(wrongMs, provider.id));
  return {
    name,
    provider: provider.id,
    region,
    otherRegions,
    ...priced,
    ...chooseLease(context, { ttlMs, maxSpend: request.maxSpend }, { provider, priced }),
    isBilled: provider.caps.billing !== null,
    clockAheadMs: clock.aheadMs(),
    image: await chooseImage(context, request, { settings, provider, regions, size: priced.size }),
    spot: request.spot ?? false,
    user: checkUserName(settings.user),
    owner: ownerName(),
    directory: project?.root ?? context.directory,
    idleTimeoutMs,
    onIdle: chooseOnIdle(context, effective, provider, request),
    allowSshFrom: await chooseSources(context, settings, provider),
    tailnet: settings.tailscale,
    keys: await ssh.findLoginKeys(settings.sshKey),
  };
}

/** P4: what is not allowed is refused before anything is asked of the provider. */
function chooseRegions(request: UpRequest, settings: Settings, provider: Provider): readonly string[] {
  const regions = request.regions ?? settings.regions ?? [provider.defaults.region];
  const refused = regions.filter((region) => !(settings.allowedRegions ?? [region]).includes(region));
  if (refused.length === 0 || provider.caps.billing === null) return regions;
  const [first] = settings.allowedRegions ?? [];
  throw new SpuffError('config', `${refused.join(', ')} is not among the allowed regions`, {
    hints: [
      `use one of them: --region ${first ?? 'REGION'} (${settings.allowedRegions?.join(', ')})`,
      'see the rule: spuff config get allowed_regions',
    ],
  });
}

/** The earlier of the deadline that was asked for and the one that the money lasts to. */
function chooseLease(
  { progress }: AppContext,
  { ttlMs, maxSpend }: { ttlMs: number | null; maxSpend: MoneyLimit | undefined },
  { provider, priced }: { provider: Provider; priced: PricedSize },
): Pick<UpPlan, 'ttlMs' | 'maxSpend'> {
  if (!maxSpend) return { ttlMs, maxSpend: null };
  if (provider.caps.billing === null) {
    progress.note(`machines at ${provider.id} cost nothing: --max-spend changes nothing`);
    return { ttlMs, maxSpend: null };
  }
  const affordableMs = leaseWithin(maxSpend, priced.dearest, provider.id);
  return ttlMs !== null && ttlMs <= affordableMs
    ? { ttlMs, maxSpend: null }
    : { ttlMs: affordableMs, maxSpend };
}

/** A key that nothing can be encrypted to would only show when the work is to be saved. */
async function checkRescue(context: AppContext, { rescue, rescueTo }: Settings): Promise<void> {
  if (rescue && rescueTo !== null) await (await context.rescues()).checkRecipients(rescueTo);
}

/** @throws SpuffError `unsupported` for a disk that could not be kept */
function chooseOnIdle(
  { progress }: AppContext,
  { settings: { onIdle, rescue }, places }: EffectiveSettings,
  { id, caps }: Provider,
  { spot, name }: UpRequest,
): OnIdle {
  if (onIdle === 'destroy' && !rescue) return onIdle;
  const why = spot ? 'the disk of a spot machine' : `a disk at ${id}`;
  const canKeep = caps.snapshots && !spot;
  if (onIdle === 'destroy') {
    // Off by itself it can be asked for nothing any more: the disk is all there is.
    const text = canKeep
      ? `rescue is on: when ${name} goes by itself its disk is kept as a snapshot, which costs until it is deleted (keep_snapshots, spuff snapshot list)`
      : `rescue is on, and ${why} can't be kept: when ${name} goes by itself, what is only there is lost`;
    if (canKeep) progress.note(text);
    else progress.warn(text);
    return canKeep ? 'snapshot' : 'destroy';
  }
  if (canKeep) return onIdle;
  throw new SpuffError('unsupported', `${why} can't be kept when the machine goes by itself`, {
    hints: [
      places.has('on_idle')
        ? `let it go with the machine: on_idle: destroy, at ${places.get('on_idle')}`
        : 'let it go with the machine: spuff config set on_idle destroy',
    ],
  });
}

async function chooseSources(
  context: AppContext,
  settings: Settings,
  provider: Provider,
): Promise<readonly string[] | null> {
  if (provider.caps.firewall === 'none' || settings.firewall === 'open') return null;
  if (settings.firewall !== 'my-ip') return settings.firewall;
  const { findMyAddress } = await import('./my-address.ts');
  return [await findMyAddress(settings.addressService, context.signal)];
}

async function chooseImage(
  context: AppContext,
  request: UpRequest,
  wish: { settings: Settings; provider: Provider; regions: readonly string[]; size: string },
): Promise<ImageRef> {
  const { settings, provider, regions, size } = wish;
  if (request.snapshot !== undefined) {
    const { findSnapshot } = await import('./snapshots.ts');
    const snapshot = await findSnapshot(context, provider, request.snapshot);
    return { kind: 'id', id: snapshot.id };
  }
  const slug = request.image ?? settings.image;
  const image: ImageRef = slug === null ? provider.defaults.image : { kind: 'slug', slug };
  return (await request.prebuild?.find({ provider, regions, size, image, user: settings.user })) ?? image;
}
