/** The port to SSH on the system's OpenSSH. */
import { existsSync } from 'node:fs';
import type { AuditLog } from '../domain/audit.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Runtime } from '../domain/provider.ts';
import type { Ssh, SshTarget } from '../domain/ssh.ts';
import type { SshContext } from './argv.ts';
import { readSshClient } from './client.ts';
import { makeHostKey } from './host-key.ts';
import { trustOf, writeKnownHosts } from './known-hosts.ts';
import { routeByTailnet } from './route-by-tailnet.ts';
import { preparePaths, removePaths } from './run-directory.ts';
import type { SignalSource } from './session.ts';
import { closeSharedConnections } from './shared-connection.ts';

export interface OpenSshDependencies {
  /** `SPUFF_HOME`. */
  home: string;
  runtime: Runtime;
  /** What guards sign and refuse is in it. */
  audit: Pick<AuditLog, 'require' | 'note'>;
  /** The user's home directory, where `.ssh` is; the system's answer unless told. */
  userHome?: string;
  /** False: ssh may not ask for a passphrase. True unless told. */
  mayAsk?: boolean;
  /** This process unless told. */
  signals?: SignalSource;
}

export function createOpenSsh(dependencies: OpenSshDependencies): Ssh {
  const { home, runtime, audit } = dependencies;

  const prepare = async (target: SshTarget): Promise<SshContext> => ({
    client: await readSshClient(home),
    paths: preparePaths(home, target),
    identityFile: chooseIdentityFile(target.publicKeyPath),
    mayAsk: dependencies.mayAsk ?? true,
  });
  /** For all but first contact: what is not proven is not spoken to. */
  const prepareVerified = async (target: SshTarget): Promise<SshContext> => {
    requirePinned(target);
    const context = await prepare(target);
    writeKnownHosts(context.paths.knownHosts, target.key, trustOf(target.identity));
    return context;
  };

  return routeByTailnet({
    makeHostKey,
    findLoginKeys: async (configuredPath) => {
      const { findLoginKeys } = await import('./login-keys.ts');
      const { homedir } = await import('node:os');
      return findLoginKeys({ home, userHome: dependencies.userHome ?? homedir(), configuredPath });
    },
    establishIdentity: async (target, save, options) => {
      const { establishHostIdentity } = await import('./establish-identity.ts');
      const { firstCommands: checks = [], onProgress = () => undefined, deadline, signal } = options;
      const contact = { home, runtime, save, deadline, signal, onProgress, checks };
      return establishHostIdentity(target, await prepare(target), contact);
    },
    run: async (target, argv, options) => {
      const { runProgram } = await import('./run-program.ts');
      return runProgram(target, await prepareVerified(target), argv, options);
    },
    runProven: async (target, argv, options) => {
      const { runProven } = await import('./proven-login.ts');
      return runProven(target, await prepareVerified(target), argv, options);
    },
    openSession: async (target, argv, options) => {
      const { openTerminalSession } = await import('./session.ts');
      const signals = dependencies.signals ?? process;
      return openTerminalSession(target, await prepareVerified(target), argv, { ...options, signals });
    },
    copy: async (target, paths, options) => {
      const { copyFiles } = await import('./copy.ts');
      return copyFiles(target, await prepareVerified(target), paths, options);
    },
    sendTree: async (target, request, options) =>
      (await import('./send-tree.ts')).sendTree(target, await prepareVerified(target), request, options),
    receiveTree: async (target, ...rest) =>
      (await import('./receive-tree.ts')).receiveTree(target, await prepareVerified(target), ...rest),
    mountVolume: async (target, volume, signal) => {
      const { mountVolume } = await import('./mount-volume.ts');
      return mountVolume(target, await prepareVerified(target), volume, signal);
    },
    openChannel: async (target) => {
      const { openAgentChannel } = await import('./channel.ts');
      return openAgentChannel(target, await prepareVerified(target));
    },
    openTunnel: async (target, options) => {
      const { openTunnel } = await import('./tunnel.ts');
      return openTunnel(target, await prepareVerified(target), options);
    },
    openGuard: async (target, options) => {
      const { paths } = await prepareVerified(target);
      const { openGuardFor } = await import('./guard/open-guard.ts');
      return openGuardFor(target, { runtime, audit, runDirectory: paths.runDirectory }, options);
    },
    disconnect: async ({ key }) => closeSharedConnections(home, key),
    forget: async (key) => {
      await closeSharedConnections(home, key);
      removePaths(home, key);
    },
  });
}

/**
 * The private half where there is one: ssh takes the key from the agent if that has it, else from the file. The public
 * half alone selects a key that only the agent, or a token, has.
 */
function chooseIdentityFile(publicKeyPath: string | null): string | null {
  if (publicKeyPath === null) return null;
  const privatePath = publicKeyPath.replace(/\.pub$/, '');
  return existsSync(privatePath) ? privatePath : publicKeyPath;
}

/** @throws SpuffError `host-identity` */
function requirePinned(target: SshTarget): void {
  if (target.identity.phase === 'pinned') return;
  throw new SpuffError('host-identity', `${target.name} has not proved yet that it is the machine we meant`, {
    hints: [`go on making it: spuff up ${target.name}`],
  });
}
