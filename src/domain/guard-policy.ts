/**
 * How the policy of a guard comes about: what the user's and the project's file say, and defaults for the rest. Of two
 * policies the stricter counts, so a project can narrow what the user allows and never widen it. Pure.
 */
import { forges, toDestination } from './forge-keys.ts';
import {
  type CommitSigning,
  type ConfirmMode,
  commitSigningModes,
  confirmModes,
  type GuardDestination,
  type GuardPolicy,
} from './guard.ts';

/** What a policy file says; null: nothing. */
export interface GuardFile {
  /** Fingerprints or comments; an empty list is no key at all. */
  keys: readonly string[] | null;
  /** Names of built-in forges. */
  forges: readonly string[] | null;
  hosts: readonly GuardFileHost[] | null;
  confirm: ConfirmMode | null;
  confirmTimeoutMs: number | null;
  leaseMs: number | null;
  ratePerMinute: number | null;
  commitSigning: CommitSigning | null;
}

export interface GuardFileHost {
  /** In small letters. */
  host: string;
  users: readonly string[] | null;
  /** `type base64`. A user's file has at least one for each host. */
  hostKeys: readonly string[] | null;
}

/**
 * The port to the user's policy, as a file, for the commands that change it. Comments and what else the file says stay.
 * Every change makes the file when there is none, and throws SpuffError `config`, with nothing written, when the file is
 * wrong before or after it.
 */
export interface GuardFileStore {
  readonly path: string;
  /** @throws SpuffError `config` */
  read(): GuardFile;
  /** Adds a host, or users and host keys to one that is there. */
  allowHost(host: string, users: readonly string[], hostKeys: readonly string[]): void;
  /** Puts a built-in forge back on the list. @returns false when it was allowed already */
  allowForge(name: string): boolean;
  /** Takes a host or a built-in forge out. @returns false when it was not allowed */
  removeHost(host: string): boolean;
  setCommitSigning(mode: CommitSigning): void;
}

export const emptyGuardFile: GuardFile = {
  keys: null,
  forges: null,
  hosts: null,
  confirm: null,
  confirmTimeoutMs: null,
  leaseMs: null,
  ratePerMinute: null,
  commitSigning: null,
};

/** No session signs for longer. */
export const longestLeaseMs = 8 * 3_600_000;

const defaultConfirmTimeoutMs = 30_000;
const defaultRatePerMinute = 30;
const defaultUsers = ['git'];

/**
 * The policy for the sessions of one project.
 * @param user null: there is no file of the user's
 * @param project null: the project says nothing
 */
export function resolvePolicy(user: GuardFile | null, project: GuardFile | null): GuardPolicy {
  const own = toUserPolicy(user ?? emptyGuardFile);
  return project === null ? own : mergePolicies(own, narrowPolicy(own, project));
}

/** Allows a request only if both do. Which comes first makes no difference. */
export function mergePolicies(a: GuardPolicy, b: GuardPolicy): GuardPolicy {
  return {
    keys: withoutTwins([...a.keys, ...b.keys]),
    destinations: intersectDestinations(a.destinations, b.destinations),
    confirm: strictest(confirmModes, a.confirm, b.confirm),
    confirmTimeoutMs: Math.min(a.confirmTimeoutMs, b.confirmTimeoutMs),
    leaseMs: Math.min(a.leaseMs, b.leaseMs),
    rate: {
      perMinute: Math.min(a.rate.perMinute, b.rate.perMinute),
      burst: Math.min(a.rate.burst, b.rate.burst),
    },
    commitSigning: strictest(commitSigningModes, a.commitSigning, b.commitSigning),
  };
}

function toUserPolicy(file: GuardFile): GuardPolicy {
  const added = (file.hosts ?? []).map(({ host, users, hostKeys }) => ({
    name: host,
    users: users ?? defaultUsers,
    hostKeys: hostKeys ?? [],
    plain: false,
  }));
  return {
    keys: file.keys === null ? [] : [file.keys],
    destinations: [...chooseForges(file.forges), ...added],
    confirm: file.confirm ?? 'never',
    confirmTimeoutMs: file.confirmTimeoutMs ?? defaultConfirmTimeoutMs,
    leaseMs: Math.min(file.leaseMs ?? longestLeaseMs, longestLeaseMs),
    rate: toRate(file.ratePerMinute ?? defaultRatePerMinute),
    commitSigning: file.commitSigning ?? 'off',
  };
}

/**
 * What a project asks for, as a policy of its own: what it doesn't speak of is as the user has it. A list of hosts leaves
 * out the user's other hosts; the forges are a list of their own.
 */
function narrowPolicy(own: GuardPolicy, project: GuardFile): GuardPolicy {
  const isForge = (name: string) => forges.some((forge) => forge.name === name);
  const isKept = ({ name }: GuardDestination) =>
    isForge(name)
      ? (project.forges?.includes(name) ?? true)
      : (project.hosts?.some(({ host }) => host === name) ?? true);
  return {
    keys: project.keys === null ? [] : [project.keys],
    destinations: own.destinations.filter(isKept).map((destination) => {
      const entry = project.hosts?.find(({ host }) => host === destination.name);
      return {
        ...destination,
        users: entry?.users ?? destination.users,
        hostKeys: entry?.hostKeys ?? destination.hostKeys,
      };
    }),
    confirm: project.confirm ?? own.confirm,
    confirmTimeoutMs: project.confirmTimeoutMs ?? own.confirmTimeoutMs,
    leaseMs: project.leaseMs ?? own.leaseMs,
    rate: project.ratePerMinute === null ? own.rate : toRate(project.ratePerMinute),
    commitSigning: project.commitSigning ?? own.commitSigning,
  };
}

function chooseForges(names: readonly string[] | null): GuardDestination[] {
  return forges.filter(({ name }) => names?.includes(name) ?? true).map(toDestination);
}

function intersectDestinations(
  a: readonly GuardDestination[],
  b: readonly GuardDestination[],
): GuardDestination[] {
  return a.flatMap((one) => {
    const other = b.find(({ name }) => name === one.name);
    if (!other) return [];
    const users = one.users.filter((user) => other.users.includes(user));
    const hostKeys = one.hostKeys.filter((key) => other.hostKeys.includes(key));
    if (users.length === 0 || hostKeys.length === 0) return [];
    return [{ name: one.name, users, hostKeys, plain: one.plain && other.plain }];
  });
}

function toRate(perMinute: number): GuardPolicy['rate'] {
  return { perMinute, burst: Math.max(1, Math.floor(perMinute / 3)) };
}

function strictest<Mode>(modes: readonly Mode[], a: Mode, b: Mode): Mode {
  return modes.indexOf(a) > modes.indexOf(b) ? a : b;
}

function withoutTwins(lists: readonly (readonly string[])[]): (readonly string[])[] {
  const texts = lists.map((list) => JSON.stringify([...list].sort()));
  return lists.filter((_list, at) => texts.indexOf(texts[at] ?? '') === at);
}
