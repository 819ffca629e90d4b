/**
 * The end of a lease that was moved. The labels of a container stand for ever, so it stands on the machine's disk, where the
 * engine reaches it also when the machine is off. Two files hold it, each in its time of change: while one is replaced the
 * other is whole. Their names hold the key: the disk may be a copy of another machine's.
 */
import type Dockerode from 'dockerode';
import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Vm } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { readFileTime } from './file-time.ts';
import { getMachine } from './machine-lookup.ts';
import { makeArchive } from './tar-archive.ts';

const op = 'setExpiry';
const slots = ['a', 'b'] as const;

/** Stands for no end at all: disks that count time in 32 bits can't hold a far one. */
const noEnd = new Date(1_000);

function pathOf(key: InstanceKey, slot: (typeof slots)[number]): string {
  return `/var/lib/spuff-lease/${key}-${slot}`;
}

/** The machine with the end of its lease as it was moved to, if it ever was; the later one where there are two. */
export async function withLease(docker: Dockerode, vm: Vm): Promise<Vm> {
  const { key } = vm;
  // Nothing has been moved before the first start, and the disk may not be there yet.
  if (key === null || vm.state === 'provisioning' || vm.state === 'deleting') return vm;
  const times = await Promise.all(slots.map((slot) => readFileTime(docker, vm.id, pathOf(key, slot))));
  const ends = times.filter((time) => time !== null && isWhole(time)) as Date[];
  const [latest] = ends.toSorted((one, other) => other.getTime() - one.getTime());
  if (latest === undefined) return vm;
  return { ...vm, expiresAt: ends.some((end) => end.getTime() === noEnd.getTime()) ? null : latest };
}

/** A file that is just being written bears the time of the writing, to the nanosecond; a whole one, a full second. */
function isWhole(time: Date): boolean {
  return time.getTime() % 1_000 === 0;
}

/** @see Provider.setExpiry */
export async function writeLease(
  docker: Dockerode,
  id: string,
  expiresAt: Date | null,
  { expectKey }: CallOptions & { expectKey: InstanceKey },
): Promise<void> {
  const vm = await getMachine(docker, id);
  if (vm === null) throw failure('not-found', 'there is no such machine');
  if (vm.key !== expectKey)
    throw failure('protected', 'the machine does not carry the key that it was to be changed by');
  const end = expiresAt === null ? null : new Date(Math.floor(expiresAt.getTime() / 1_000) * 1_000);
  const content = `the lease of this machine ends: ${end?.toISOString() ?? 'never'}\n`;
  for (const slot of slots) {
    const entry = { path: pathOf(expectKey, slot), content, mode: 0o600, changedAt: end ?? noEnd };
    await docker.getContainer(vm.id).putArchive(await makeArchive([entry]), { path: '/' });
  }
  const shown = (await withLease(docker, { ...vm, state: 'running' })).expiresAt;
  if (shown?.getTime() === end?.getTime()) return;
  throw failure('protocol', 'the engine took the end of the lease and does not show it');
}

function failure(code: 'not-found' | 'protected' | 'protocol', message: string): ProviderError {
  return new ProviderError(code, message, { provider: 'local', op, retryable: code === 'protocol' });
}
