import { readAuthorizedKeys } from '../../src/bootstrap/authorized-keys.ts';
import { SpuffError } from '../../src/domain/errors.ts';
import type { KeyRing, NewKey, OwnKey, OwnKeyStore, RetiringKey } from '../../src/domain/own-key.ts';
import { nowMs } from './cli-run.ts';

export interface MemoryKeys extends OwnKeyStore {
  ring: { current: OwnKey | null; retiring: RetiringKey[] };
  /** Names of the keys whose private half is there. */
  readonly files: Set<string>;
  readonly requests: NewKey[];
  /** Public keys that the agent keeps whatever it is told. */
  readonly stuck: Set<string>;
  keyAt(publicPath: string | null): OwnKey | null;
}

/** The keys in memory. `step` is called at each change, before and after it, and may throw as a killed process would end. */
export function memoryKeys(home: string, step: () => void = () => undefined): MemoryKeys {
  const ring: MemoryKeys['ring'] = { current: null, retiring: [] };
  const files = new Set<string>();
  const requests: NewKey[] = [];
  const stuck = new Set<string>();
  const known: OwnKey[] = [];
  const effect = (work: () => void) => {
    step();
    work();
    step();
  };
  return {
    ring,
    files,
    requests,
    stuck,
    keyAt: (publicPath) => known.find((key) => key.publicPath === publicPath && files.has(key.name)) ?? null,
    alone: (_signal, work) => work(),
    read: (): KeyRing => ({ current: ring.current, retiring: [...ring.retiring] }),
    make: async (request) => {
      requests.push(request);
      const number = known.length + 1;
      const name = `id_ed25519-${number}`;
      const publicKey = `ssh-ed25519 AAAA${String(number).padStart(4, '0')}`;
      const key: OwnKey = {
        name,
        publicPath: `${home}/keys/${name}.pub`,
        publicKey,
        fingerprint: readAuthorizedKeys(publicKey)[0]?.fingerprint ?? '',
        storage: request.storage,
        madeAt: new Date(nowMs),
        expiresAt: request.storage === 'agent' ? new Date(nowMs + request.lifetimeMs) : null,
      };
      effect(() => {
        known.push(key);
        files.add(name);
        if (ring.current) ring.retiring.push({ ...ring.current, clearedFrom: [] });
        ring.current = key;
      });
      return key;
    },
    isUsable: async (key) => files.has(key.name),
    hasPassphrase: async (key) => (key.storage === 'disk' ? false : null),
    isInAgent: async ({ publicKey }) =>
      stuck.has(publicKey) ||
      known.some((key) => key.publicKey === publicKey && key.storage === 'agent' && files.has(key.name)),
    noteCleared: (key, machine) =>
      effect(() => {
        ring.retiring = ring.retiring.map((one) =>
          one.name === key.name ? { ...one, clearedFrom: [...one.clearedFrom, machine] } : one,
        );
      }),
    leaveAgent: async () => effect(() => undefined),
    remove: (key) =>
      effect(() => {
        if (!files.delete(key.name)) throw new SpuffError('internal', `${key.name} was deleted already`);
        if (ring.current?.name === key.name) ring.current = null;
        ring.retiring = ring.retiring.filter(({ name }) => name !== key.name);
      }),
  };
}
