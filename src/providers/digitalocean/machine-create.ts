import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Vm, VmSpec } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { Api } from './api.ts';
import { isUnsure } from './errors.ts';
import { failure } from './failure.ts';
import { ensureFirewall } from './firewall.ts';
import { getDroplet, isFresh, listLagSeconds, sightMachine } from './machine-lookup.ts';
import { checkSpec, dropletRequest, tagRequest } from './machine-request.ts';
import { toVm } from './mapping.ts';
import { readPublicKeys } from './public-key.ts';
import { readQuota } from './quota.ts';
import { ensureKey } from './ssh-keys.ts';
import { keyTag, machineTags } from './tags.ts';

const op = 'create';

/** What this process knows of the machines that it has ordered: lists are slow to tell. */
export interface OrderBook {
  /** The ids of droplets that were accepted. */
  readonly ids: Map<InstanceKey, string>;
  /** Keys of which no order can be on its way unanswered. */
  readonly settled: Set<InstanceKey>;
  /** Orders of one key wait for each other. */
  readonly queues: Map<InstanceKey, Promise<unknown>>;
}

export function createOrderBook(): OrderBook {
  return { ids: new Map(), settled: new Set(), queues: new Map() };
}

/** @see Provider.create */
export async function createMachine(api: Api, book: OrderBook, spec: VmSpec, call: CallOptions): Promise<Vm> {
  checkSpec(spec, op);
  const before = book.queues.get(spec.key) ?? Promise.resolve();
  const mine = before.then(() => orderOnce(api, book, spec, call));
  const settled = mine.catch(() => undefined);
  book.queues.set(spec.key, settled);
  try {
    return await mine;
  } finally {
    if (book.queues.get(spec.key) === settled) book.queues.delete(spec.key);
  }
}

/**
 * DigitalOcean makes a droplet for each order, of the same name too. So the key is looked for first; and since an order
 * of a process that died may not be listed yet, each order is announced by the key's tag: where that is there already,
 * the key is looked for until lists must show it.
 */
async function orderOnce(api: Api, book: OrderBook, spec: VmSpec, call: CallOptions): Promise<Vm> {
  const existing = await findExisting(api, book, spec, call);
  if (existing) return existing;
  if (!book.settled.has(spec.key)) {
    const announced = await api.find({ op, path: `/v2/tags/${keyTag(spec.key)}` }, call);
    const earlier = announced && (await lookUp(api, spec, call));
    if (earlier) return earlier;
    book.settled.add(spec.key);
  }
  await checkQuota(api, call);
  await prepare(api, spec, call);
  for (let attempt = 1; ; attempt++) {
    const ordered = await orderDroplet(api, book, spec, call);
    if (ordered) return ordered;
    const found = await lookUp(api, spec, call);
    if (found) return found;
    if (attempt === 2) throw notKnown(spec, 'DigitalOcean answered neither order of the machine');
  }
}

async function findExisting(api: Api, book: OrderBook, spec: VmSpec, call: CallOptions): Promise<Vm | null> {
  const id = book.ids.get(spec.key);
  const known = id === undefined ? null : await getDroplet(api, id, call, op);
  if (known) return toOrdered(known, spec);
  const { machine, untagged } = await sightMachine(api, spec.key, call, op);
  if (machine || !untagged) return machine;
  if (isFresh(api.runtime, untagged)) return await lookUp(api, spec, call);
  throw nameTaken(spec, untagged);
}

/**
 * Looks for the key until lists must show it, and the tags of it.
 * @returns null when there is no such machine
 * @throws ProviderError `ambiguous` when the call ends before that is known, `name-taken` when a droplet of the name gets
 * no tags: whoever made it, it can't be told to be ours, and another one may be one too many
 */
async function lookUp(api: Api, spec: VmSpec, call: CallOptions): Promise<Vm | null> {
  // The last look must come after the lag.
  const lagEndsMs = api.runtime.now() + listLagSeconds * 1_000;
  const outcome = await api.wait(async () => {
    const askedMs = api.runtime.now();
    const sighting = await sightMachine(api, spec.key, call, op);
    return sighting.machine || askedMs >= lagEndsMs ? sighting : undefined;
  }, call);
  if (!outcome) throw notKnown(spec, 'the time was over before DigitalOcean listed the machine');
  if (!outcome.machine && outcome.untagged) throw nameTaken(spec, outcome.untagged);
  return outcome.machine;
}

function nameTaken(spec: VmSpec, { id }: Vm): ProviderError {
  return failure('name-taken', op, `droplet ${id} bears the name ${spec.name}, and not our tags`, {
    hints: [`if it is none of yours, destroy it at https://cloud.digitalocean.com/droplets/${id}`],
  });
}

/** What the machine needs: the tag that announces it, the keys, and the firewall that is there before it. */
async function prepare(api: Api, spec: VmSpec, call: CallOptions): Promise<void> {
  const { path, body } = tagRequest(spec);
  try {
    await api.put({ op, path }, body, call, 'POST');
  } catch (error) {
    if (!(error instanceof ProviderError) || error.providerCode !== 'conflict') throw error;
  }
  for (const key of readPublicKeys(spec.sshPublicKeys, op)) await ensureKey(api, key, call, op);
  if (spec.firewall) await ensureFirewall(api, spec.key, spec.firewall.allowSshFrom, call, op);
}

/** null: nobody knows whether the order got through. */
async function orderDroplet(api: Api, book: OrderBook, spec: VmSpec, call: CallOptions): Promise<Vm | null> {
  const keys = readPublicKeys(spec.sshPublicKeys, op);
  const { path, body } = dropletRequest(spec, keys);
  for (let attempt = 1; ; attempt++) {
    book.settled.delete(spec.key);
    try {
      const droplet = (await api.post({ op, path }, body, call)).at('droplet');
      book.ids.set(spec.key, droplet.at('id').id());
      book.settled.add(spec.key);
      return toOrdered(droplet, spec);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      if (isUnsure(error)) return null;
      book.settled.add(spec.key);
      // The end of another machine took the key away between our look and the order.
      if (attempt === 2 || error.info.field !== 'sshPublicKeys') throw error;
      for (const key of keys) await ensureKey(api, key, call, op);
    }
  }
}

/** Our own order's answer, so that the tags are those that we sent. */
function toOrdered(droplet: Parameters<typeof toVm>[0], spec: VmSpec): Vm {
  const fingerprints = readPublicKeys(spec.sshPublicKeys, op).map(({ fingerprint }) => fingerprint);
  const tags = droplet.at('tags').texts();
  return toVm(droplet, tags.includes(keyTag(spec.key)) ? tags : machineTags(spec, fingerprints));
}

async function checkQuota(api: Api, call: CallOptions): Promise<void> {
  const quota = await readQuota(api, call, op);
  if (quota === null || quota.used < quota.limit) return;
  throw failure(
    'quota',
    op,
    `the DigitalOcean account has ${quota.used} droplets and may have ${quota.limit}`,
    {
      hints: [
        'destroy machines that you no longer need: spuff ls',
        'or ask for a higher limit at https://cloud.digitalocean.com/account/team/droplet_limit_increase',
      ],
    },
  );
}

function notKnown(spec: VmSpec, message: string): ProviderError {
  return failure('ambiguous', op, `${message} (${spec.name}): whether there is one is not known`, {
    hints: [
      `the same command goes on from here: spuff up ${spec.instanceName}`,
      `or remove whatever there is: spuff down ${spec.instanceName}`,
    ],
  });
}
