import { userInfo } from 'node:os';
import { nearestInstanceName } from '../domain/names.ts';
import type { Vm } from '../domain/provider.ts';

/** What stands on a machine as its owner: the user's name, as far as a label can hold it. */
export function ownerName(): string {
  try {
    return nearestInstanceName(userInfo().username) ?? 'unknown';
  } catch {
    // A user without an entry in passwd, as in many containers.
    return 'unknown';
  }
}

/** Whether a machine is this user's; one that says nothing of an owner is of whoever may list it. */
export function isOwn(vm: Vm): boolean {
  const owners = ownersOf(vm);
  return owners.length === 0 || owners.includes(ownerName());
}

/** Whether a machine says that it is this owner's; one that says nothing is nobody's. */
export function isOwnedBy(vm: Vm, owner: string): boolean {
  return ownersOf(vm).includes(owner);
}

function ownersOf({ labels }: Vm): string[] {
  return Object.entries(labels).flatMap(([name, value]) => (/\bowner$/.test(name) ? [value] : []));
}
