/** What `spuff guard allow` adds to the user's policy, and where host keys come from: never from the network. */
import { SpuffError } from '../domain/errors.ts';
import { forgeNames } from '../domain/forge-keys.ts';
import type { CommitSigning, GuardStatus } from '../domain/guard.ts';
import { readFingerprint, readHostKey, readHostName, readLoginUser } from '../lib/guard-values.ts';
import { type PublicKey, parsePublicKey } from '../lib/public-key.ts';
import type { AppContext } from './context.ts';
import { readGuardLog } from './guard-log.ts';
import { requireDone, tellGuards } from './tell-guards.ts';

export interface HostWish {
  host: string;
  user: string | undefined;
  /** A whole key, or the fingerprint of one that is known or was refused. */
  hostKey: string | undefined;
}

export interface AllowedHost {
  host: string;
  users: readonly string[];
  /** Empty for a built-in forge, whose keys come with spuff. */
  keys: readonly PublicKey[];
  /** Where the keys come from, for people. */
  from: string;
  /** False: it was allowed already. */
  changed: boolean;
}

/**
 * Adds a host to the user's policy.
 * @throws SpuffError `usage`, `not-found` when no host key is known, `config` for a file that is or would be wrong
 */
export async function allowHost(context: AppContext, wish: HostWish): Promise<AllowedHost> {
  const host = readHostName(wish.host);
  if (host === null) {
    throw new SpuffError('usage', `${JSON.stringify(wish.host)} is not the name of a host`, {
      hints: ['write git.example.com, or [git.example.com]:2222 for another port than 22'],
    });
  }
  const user = readLoginUser(wish.user ?? 'git');
  if (user === null) throw new SpuffError('usage', `${JSON.stringify(wish.user)} is not a user name`);
  if (forgeNames.includes(host)) return allowForge(context, host, wish);
  const { keys, from } = await findHostKeys(context, host, wish.hostKey);
  await refuseMachineKeys(context, keys);
  const file = await context.guardFile();
  file.allowHost(
    host,
    [user],
    keys.map(({ line }) => line),
  );
  return { host, users: [user], keys, from, changed: true };
}

/** Sets how commits may be signed. */
export async function allowCommitSigning(context: AppContext, mode: CommitSigning): Promise<void> {
  (await context.guardFile()).setCommitSigning(mode);
}

/** Lets guards that run read the policy again. @throws SpuffError `timeout` when one does not */
export async function reloadGuards(context: AppContext): Promise<GuardStatus[]> {
  return requireDone(await tellGuards(context, 'reload'));
}

async function allowForge(context: AppContext, host: string, wish: HostWish): Promise<AllowedHost> {
  if (wish.hostKey !== undefined || (wish.user ?? 'git') !== 'git') {
    throw new SpuffError(
      'usage',
      `${host} is built in: its keys come with spuff, and everyone is git there`,
      {
        hints: [`allow it as it is: spuff guard allow ${host}`],
      },
    );
  }
  const changed = (await context.guardFile()).allowForge(host);
  return { host, users: ['git'], keys: [], from: 'built in', changed };
}

async function findHostKeys(
  context: AppContext,
  host: string,
  given: string | undefined,
): Promise<{ keys: PublicKey[]; from: string }> {
  if (given !== undefined && readFingerprint(given) === null) {
    const key = readHostKey(given);
    if (key !== null) return { keys: [key], from: 'the command line' };
    throw new SpuffError('usage', 'that is neither a host key nor the fingerprint of one', {
      hints: [
        "write a whole key, 'ssh-ed25519 AAAA…', or a fingerprint, SHA256:…",
        'keys of type ed25519 and ecdsa will do, and rsa from 2048 bits',
      ],
    });
  }
  const known = (await (await context.guardControl()).findHostKeys(host)).flatMap(
    (line) => readHostKey(line) ?? [],
  );
  const meant = known.filter(({ fingerprint }) => given === undefined || fingerprint === given);
  if (meant.length > 0) return { keys: meant, from: 'your known_hosts' };
  const proved = given === undefined ? null : findProvedKey(context, given);
  if (proved !== null)
    return { keys: [proved], from: 'the log of the guard: it was proved when it was refused' };
  throw unknownHost(host, given, known);
}

/** A host key whose possession a refused login has proved, by its fingerprint. */
function findProvedKey(context: AppContext, fingerprint: string): PublicKey | null {
  for (const { request } of readGuardLog(context)) {
    const key = request.hostFingerprint === fingerprint ? readHostKey(request.hostKey ?? '') : null;
    // The log says it; the key itself must agree.
    if (key?.fingerprint === fingerprint) return key;
  }
  return null;
}

function unknownHost(host: string, given: string | undefined, known: readonly PublicKey[]): SpuffError {
  const port = /^\[(?<name>.+)\]:(?<port>\d+)$/.exec(host)?.groups;
  const command = port ? `ssh -p ${port['port']} git@${port['name']}` : `ssh git@${host}`;
  const message =
    given === undefined
      ? `no host key of ${host} is known on this computer`
      : `no host key with the fingerprint ${given} is known on this computer`;
  return new SpuffError('not-found', message, {
    hints: [
      ...(known.length > 0
        ? [`your known_hosts has for it: ${known.map(({ fingerprint }) => fingerprint).join(', ')}`]
        : []),
      `connect once yourself: ${command}`,
      `or give the key that its maker publishes: spuff guard allow ${host} --host-key 'ssh-ed25519 AAAA…'`,
    ],
  });
}

/** A machine could then take any signature for a login to itself. */
async function refuseMachineKeys(context: AppContext, keys: readonly PublicKey[]): Promise<void> {
  for (const { name, hostIdentity } of (await context.state()).listInstances()) {
    const line = hostIdentity.phase === 'pinned' ? parsePublicKey(hostIdentity.publicKey)?.line : undefined;
    if (keys.some((key) => key.line === line)) {
      throw new SpuffError(
        'usage',
        `that is the host key of ${name}: a machine of spuff's is never allowed`,
        {
          hints: [`to log in there, from here: spuff ssh ${name}`],
        },
      );
    }
  }
}
