/** First contact: from the key that spuff put into the user data to one that only the machine has. */
import { SpuffError } from '../domain/errors.ts';
import type { KnownIdentity } from '../domain/instance.ts';
import type { Runtime } from '../domain/provider.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { runProcess } from '../lib/process.ts';
import { buildDump, type SshContext } from './argv.ts';
import { trustOf, writeKnownHosts } from './known-hosts.ts';
import { rotateHostKey } from './rotate.ts';
import { closeSharedConnections, openSharedConnection } from './shared-connection.ts';
import { waitForBanner } from './wait-for-banner.ts';

export interface FirstContact {
  home: string;
  runtime: Runtime;
  /** Must have made the identity durable when it returns. */
  save: (identity: KnownIdentity) => void;
  deadline: Date;
  signal: AbortSignal;
  onProgress: (what: string) => void;
  checks: readonly (readonly string[])[];
}

/** How long a machine that answers may still refuse the key, because its user is only being made. */
const loginGraceMs = 10_000;
const retryMs = 200;

/**
 * Takes the identity to `pinned`, from any phase. The order is what makes it safe to be cut off anywhere: the machine's
 * new key is saved before the machine can show it, and pinned only after a login has proved it.
 * @throws SpuffError `host-identity`, `connection`, `timeout`, `auth`, `provider` (a failed check)
 */
export async function establishHostIdentity(
  target: SshTarget,
  context: SshContext,
  contact: FirstContact,
): Promise<KnownIdentity> {
  const probes = !(await usesProxy(target, context));
  let { identity } = target;
  let firstLoginEnded: Promise<unknown> = Promise.resolve();
  if (identity.phase !== 'pinned') {
    // One that was opened before a crash has proved nothing to this run.
    await closeSharedConnections(contact.home, target.key);
    contact.onProgress('waiting for SSH');
    const login = await retryWhileBooting(target, contact, { probes, probesFirst: probes }, () =>
      rotateOnce({ ...target, identity }, context, contact, (next) => {
        identity = next;
      }),
    );
    firstLoginEnded = login.ended;
  }
  const pinned = pinnedForm(identity);
  contact.onProgress('proving the new host key');
  const probesFirst = probes && target.identity.phase === 'pinned';
  await retryWhileBooting(target, contact, { probes, probesFirst }, async () => {
    writeKnownHosts(context.paths.knownHosts, target.key, trustOf(pinned));
    await openSharedConnection({ ...target, identity: pinned }, context, {
      signal: contact.signal,
      timeoutMs: remainingMs(contact),
    });
  });
  if (identity.phase !== 'pinned') contact.save(pinned);
  await firstLoginEnded;
  return pinned;
}

/** One first login. `keep` is told of each identity that has been saved. */
async function rotateOnce(
  target: SshTarget,
  context: SshContext,
  contact: FirstContact,
  keep: (identity: KnownIdentity) => void,
): Promise<{ ended: Promise<unknown> }> {
  const { identity } = target;
  if (identity.phase === 'pinned') throw new SpuffError('internal', 'a pinned host key is not replaced');
  writeKnownHosts(context.paths.knownHosts, target.key, trustOf(identity));
  const { injectedPublicKey } = identity;
  contact.onProgress('first login');
  return rotateHostKey(target, context, {
    injectedPublicKey,
    knownPublicKey: identity.phase === 'rotating' ? identity.newPublicKey : null,
    checks: contact.checks,
    onKey: (newPublicKey) => {
      const rotating = { phase: 'rotating', injectedPublicKey, newPublicKey } as const;
      contact.save(rotating);
      keep(rotating);
    },
    signal: contact.signal,
    timeoutMs: remainingMs(contact),
  });
}

function pinnedForm(identity: KnownIdentity): Extract<KnownIdentity, { phase: 'pinned' }> {
  if (identity.phase === 'pinned') return identity;
  if (identity.phase === 'rotating' && identity.newPublicKey !== null) {
    const { injectedPublicKey, newPublicKey } = identity;
    return { phase: 'pinned', injectedPublicKey, publicKey: newPublicKey };
  }
  throw new SpuffError('internal', 'the first login ended without a host key');
}

/**
 * Tries until it works or fails for a reason that waiting does not mend. Between tries it looks for the banner, where the
 * machine can be dialled directly.
 */
async function retryWhileBooting<T>(
  target: SshTarget,
  contact: FirstContact,
  options: { probes: boolean; probesFirst: boolean },
  attempt: () => Promise<T>,
): Promise<T> {
  const { runtime, signal } = contact;
  const deadlineMs = contact.deadline.getTime();
  let refusedSinceMs: number | null = null;
  let last: unknown;
  for (let probes = options.probesFirst; ; probes = options.probes) {
    if (probes && !(await waitForBanner(target, { runtime, deadlineMs, signal }))) break;
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const code = error instanceof SpuffError ? error.code : null;
      if (code === 'auth') refusedSinceMs ??= runtime.now();
      const patient = code === 'auth' && runtime.now() - (refusedSinceMs ?? 0) < loginGraceMs;
      if (code !== 'connection' && !patient) throw error;
      last = error;
    }
    if (runtime.now() + retryMs > deadlineMs) break;
    await runtime.sleep(retryMs, signal);
  }
  throw new SpuffError('timeout', `${target.name} did not answer over SSH in time`, {
    hints:
      last instanceof SpuffError
        ? [last.message, ...last.hints]
        : [`see whether it runs: spuff status ${target.name}`],
    cause: last,
  });
}

function remainingMs(contact: FirstContact): number {
  return Math.max(1_000, contact.deadline.getTime() - contact.runtime.now());
}

/** Whether the user's configuration leads to this machine by way of another, so that it can't be probed from here. */
async function usesProxy(target: SshTarget, context: SshContext): Promise<boolean> {
  const dump = await runProcess(buildDump(target, context), { timeoutMs: 10_000 });
  return /^proxy(?:jump|command) (?!none$)/m.test(dump.stdout);
}
