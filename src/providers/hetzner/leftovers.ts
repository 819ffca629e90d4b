import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Leftover, Provider } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';
import type { HetznerClient } from './client.ts';
import { failure } from './errors.ts';
import { type Fields, optionalObject, optionalText, readId } from './fields.ts';
import { isOurs, label, labelKey, labelsOf, selectorOf } from './labels.ts';
import { destroyMachine, orderDeletion } from './machines.ts';
import { listServers } from './server-lookup.ts';
import { idPattern } from './server-request.ts';
import { isOurSshKey, isSshKeyNeeded } from './ssh-keys.ts';

type Kind = 'firewall' | 'volume' | 'ip' | 'sshkey';

/** Where a kind is listed, and what one of them is called in an answer. */
const collections: Readonly<Record<Kind, { path: `/${string}`; member: string }>> = {
  firewall: { path: '/firewalls', member: 'firewall' },
  volume: { path: '/volumes', member: 'volume' },
  ip: { path: '/primary_ips', member: 'primary_ip' },
  sshkey: { path: '/ssh_keys', member: 'ssh_key' },
};

/** How long a removal waits for the cloud to let go of the thing; it may take some seconds after a machine is gone. */
const releaseMs = 120_000;

/**
 * Firewalls, volumes and addresses whose machine is gone, and login keys that spuff registered and no machine of spuff's
 * needs any more. A key serves many machines: which one it was registered for does not matter. Addresses that were made
 * with a machine go with it. A second machine with a key (its label was copied) is told as well.
 */
export function createLeftovers(client: HetznerClient): Pick<Provider, 'leftovers' | 'removeLeftover'> {
  return {
    async *leftovers(key, call) {
      yield* await findLeftovers(client, key, call);
    },
    removeLeftover: (leftover, call) => removeLeftover(client, leftover, call),
  };
}

async function findLeftovers(
  client: HetznerClient,
  key: InstanceKey | null,
  call: CallOptions,
): Promise<Leftover[]> {
  const op = 'leftovers';
  const machines = await listServers(client, op, call);
  const living = new Set(machines.map((server) => labelKey(labelsOf(server))));
  const found = machines.filter((server) => isSecond(server, machines)).map((one) => toLeftover('vm', one));
  const own = { label_selector: selectorOf(null, key === null ? {} : { [label.key]: key }) };
  for (const kind of ['firewall', 'volume', 'ip'] as const) {
    const listed = (await client.list(op, collections[kind].path, call, own)).filter((one) =>
      isOurs(labelsOf(one)),
    );
    found.push(...listed.map((one) => toLeftover(kind, one)).filter((one) => !living.has(one.key)));
  }
  const sshKeys = await client.list(op, '/ssh_keys', call, { label_selector: selectorOf('sshkey') });
  const idle = sshKeys.filter((one) => isOurSshKey(one) && !isSshKeyNeeded(one, machines));
  return [
    ...found.filter((one) => key === null || one.key === key),
    ...idle.map((one) => toLeftover('sshkey', one)),
  ];
}

function isSecond(server: Fields, machines: readonly Fields[]): boolean {
  const key = labelKey(labelsOf(server));
  if (key === null) return false;
  const same = machines.filter((one) => labelKey(labelsOf(one)) === key);
  return server !== (same.find((one) => one['name'] === `spuff-${key}`) ?? same[0]);
}

function toLeftover(kind: Kind | 'vm', thing: Fields): Leftover {
  return {
    kind,
    id: readId(thing, { op: 'leftovers', path: kind }),
    name: escapeText(optionalText(thing['name']) ?? '', { singleLine: true }),
    key: labelKey(labelsOf(thing)),
    billed: kind === 'vm' || kind === 'volume' || kind === 'ip',
  };
}

async function removeLeftover(client: HetznerClient, leftover: Leftover, call: CallOptions): Promise<void> {
  const op = 'removeLeftover';
  const { kind, id, key } = leftover;
  if (!idPattern.test(id)) return;
  if (kind === 'vm') {
    if (key === null) throw notOurs();
    return destroyMachine(client, op, id, key, call);
  }
  if (!Object.hasOwn(collections, kind))
    throw failure('invalid', op, `Hetzner Cloud leaves no ${kind} behind`, { field: 'kind' });
  const { path, member } = collections[kind as Kind];
  const removed = await client.until(
    op,
    call,
    async () => {
      const answer = await client.read(op, `${path}/${id}`, call);
      if (answer === null) return true;
      const thing = optionalObject(answer[member]);
      const ours = kind === 'sshkey' ? isOurSshKey(thing) : isOurs(labelsOf(thing));
      if (!ours || labelKey(labelsOf(thing)) !== key) throw notOurs();
      const ordered = await orderDeletion(client, op, `${path}/${id}`, call);
      return ordered && (await client.read(op, `${path}/${id}`, call)) === null ? true : undefined;
    },
    client.runtime.now() + releaseMs,
  );
  if (removed) return;
  throw failure('conflict', op, `Hetzner Cloud still says that the ${member.replace('_', ' ')} is in use`, {
    ...{
      retryable: true,
      hints: ['try again in some minutes; it costs nothing but an entry in the project'],
    },
  });
}

function notOurs(): ReturnType<typeof failure> {
  return failure('protected', 'removeLeftover', 'it does not carry the key that it was to be removed by');
}
