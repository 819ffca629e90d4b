/** SSH whose doings are in the local log: host keys, programs, sessions. Arguments may be secret and are only counted. */
import type { AuditEntry, AuditLog } from '../domain/audit.ts';
import { SpuffError } from '../domain/errors.ts';
import type { KnownIdentity } from '../domain/instance.ts';
import type { SessionOptions, Ssh, SshTarget } from '../domain/ssh.ts';
import { parsePublicKey } from '../lib/public-key.ts';

/** What is done on a machine is done also when it can't be written down; that a new host key is believed is not. */
export function recordSsh(ssh: Ssh, log: AuditLog): Ssh {
  const started = (target: SshTarget, argv: readonly string[]) =>
    log.note({ kind: 'command', details: { ...describe(target, argv), event: 'started' } });
  return {
    ...ssh,
    establishIdentity: (target, save, options) =>
      watch(log, target, () =>
        ssh.establishIdentity(target, (identity) => saveRecorded(log, target, identity, save), options),
      ),
    run: (target, argv, options) => {
      started(target, argv);
      return watch(log, target, () => ssh.run(target, argv, options));
    },
    runProven: (target, argv, options) => {
      started(target, argv);
      return watch(log, target, () => ssh.runProven(target, argv, options));
    },
    openSession: (target, argv, options) =>
      recordEnds(log, target, sessionEntries(target, argv, options), () =>
        ssh.openSession(target, argv, options),
      ),
    copy: (target, paths, options) =>
      recordEnds(log, target, programEntries(target, ['scp', ...paths.from, paths.to]), () =>
        ssh.copy(target, paths, options),
      ),
    sendTree: (target, request, options) => {
      started(target, ['rsync', ...request.paths]);
      return watch(log, target, () => ssh.sendTree(target, request, options));
    },
    receiveTree: (target, request, options) => {
      started(target, ['tar', ...request.paths]);
      return watch(log, target, () => ssh.receiveTree(target, request, options));
    },
    mountVolume: (target, volume, signal) => {
      started(target, ['sftp-server', volume.path]);
      return watch(log, target, () => ssh.mountVolume(target, volume, signal));
    },
    openChannel: (target) => watch(log, target, () => ssh.openChannel(target)),
  };
}

/** The line before trust changes; the change itself when that is written. */
function saveRecorded(
  log: AuditLog,
  target: SshTarget,
  identity: KnownIdentity,
  save: (identity: KnownIdentity) => void,
): void {
  const key = identity.phase === 'rotating' ? identity.newPublicKey : publicKeyOf(identity);
  if (key !== null) {
    const event = identity.phase === 'pinned' ? 'pinned' : 'learned';
    const fingerprint = parsePublicKey(key)?.fingerprint ?? null;
    log.require({ kind: 'host-key', details: { ...of(target), event, fingerprint } });
  }
  save(identity);
}

function publicKeyOf(identity: KnownIdentity): string | null {
  return identity.phase === 'pinned' ? identity.publicKey : null;
}

/** Writes down when it was not the machine that was meant. */
async function watch<T>(log: AuditLog, target: SshTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'host-identity') {
      log.note({ kind: 'host-key', details: { ...of(target), event: 'mismatch', fingerprint: null } });
    }
    throw error;
  }
}

/** One line when it begins and one when it has ended, with its status. */
async function recordEnds(
  log: AuditLog,
  target: SshTarget,
  entries: { begin: AuditEntry; end: (exitStatus: number | null) => AuditEntry },
  work: () => Promise<number>,
): Promise<number> {
  log.note(entries.begin);
  let exitStatus: number | null = null;
  try {
    exitStatus = await watch(log, target, work);
    return exitStatus;
  } finally {
    log.note(entries.end(exitStatus));
  }
}

function programEntries(target: SshTarget, argv: readonly string[]) {
  const details = describe(target, argv);
  return {
    begin: { kind: 'command', details: { ...details, event: 'started' } } as const,
    end: (exitStatus: number | null) =>
      ({ kind: 'command', details: { ...details, event: 'ended', exitStatus } }) as const,
  };
}

function sessionEntries(target: SshTarget, argv: readonly string[] | null, options: SessionOptions) {
  const { forwardAgent } = options;
  const lent: 'nothing' | 'guard' | 'raw' =
    forwardAgent === false ? 'nothing' : forwardAgent === 'raw' ? 'raw' : 'guard';
  if (argv !== null) return programEntries(target, argv);
  const details = { ...of(target), lent };
  return {
    begin: { kind: 'session', details: { ...details, event: 'opened' } } as const,
    end: (exitStatus: number | null) =>
      ({ kind: 'session', details: { ...details, event: 'closed', exitStatus } }) as const,
  };
}

function describe(target: SshTarget, argv: readonly string[]) {
  return { ...of(target), program: nameProgram(argv[0] ?? ''), arguments: Math.max(0, argv.length - 1) };
}

/**
 * The name of a program without anything that may have been written along with it: a whole command line in one word, or
 * `TOKEN=… program`.
 */
export function nameProgram(word: string): string {
  const [name = ''] = word.trimStart().split(/[\s=;&|<>()'"`$]/);
  return name === word || name === '' ? name : `${name}…`;
}

function of({ key, name }: SshTarget): { instanceKey: string; instanceName: string } {
  return { instanceKey: key, instanceName: name };
}
