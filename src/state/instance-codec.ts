import { isInstanceKey } from '../domain/ids.ts';
import type { HostIdentity, Instance } from '../domain/instance.ts';
import { Secret } from '../domain/secret.ts';

/**
 * An instance as JSON holds it: moments in ms since the epoch, secrets as they are. Being made from `Instance`, the type
 * asks for a conversion as soon as a field is added that needs one.
 */
type Stored<T> = T extends Date
  ? number
  : T extends Secret
    ? string
    : T extends string
      ? T
      : T extends object
        ? { [Key in keyof T]: Stored<T[Key]> }
        : T;

type StoredInstance = Stored<Instance>;

/** JSON with the values of the secrets in it: for the 0600 database and nothing else. */
export function encodeInstance(instance: Instance): string {
  const stored: StoredInstance = {
    ...instance,
    hostIdentity: encodeIdentity(instance.hostIdentity),
    agentToken: instance.agentToken.reveal(),
    createdAt: instance.createdAt.getTime(),
    readyAt: instance.readyAt?.getTime() ?? null,
    expiresAt: instance.expiresAt?.getTime() ?? null,
    vmState: instance.vmState && {
      ...instance.vmState,
      checkedAt: instance.vmState.checkedAt.getTime(),
    },
  };
  return JSON.stringify(stored);
}

/** Reads back what `encodeInstance` wrote. @throws TypeError or SyntaxError for anything else */
export function decodeInstance(doc: string): Instance {
  const stored = JSON.parse(doc) as StoredInstance;
  if (
    !isInstanceKey(stored.key) ||
    typeof stored.name !== 'string' ||
    typeof stored.agentToken !== 'string'
  ) {
    throw new TypeError('not an instance');
  }
  return {
    ...stored,
    // Records of versions before there were tariffs.
    tariff: stored.tariff ?? null,
    // And before there were tailnets.
    tailnet: stored.tailnet ?? null,
    hostIdentity: decodeIdentity(stored.hostIdentity),
    agentToken: new Secret(stored.agentToken),
    createdAt: new Date(stored.createdAt),
    readyAt: toDate(stored.readyAt),
    expiresAt: toDate(stored.expiresAt),
    vmState: stored.vmState && { ...stored.vmState, checkedAt: new Date(stored.vmState.checkedAt) },
  };
}

function encodeIdentity(identity: HostIdentity): Stored<HostIdentity> {
  if (identity.phase !== 'booting') return identity;
  return { ...identity, injectedPrivateKey: identity.injectedPrivateKey.reveal() };
}

function decodeIdentity(stored: Stored<HostIdentity>): HostIdentity {
  if (stored.phase !== 'booting') return stored;
  return { ...stored, injectedPrivateKey: new Secret(stored.injectedPrivateKey) };
}

function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
