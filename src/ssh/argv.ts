/**
 * The one place that builds argument arrays for ssh and scp. Every option that decides whom we trust, what we show them
 * and what they may reach is on the command line, where the first value wins over any file: a `Host *` of the user's
 * can't weaken it. What is not named here (ProxyJump, IdentityAgent, certificates, FIDO) stays the user's own.
 * Options: ssh_config(5). The destination is `spuff-<key>`, so that `Host spuff-*` can be written for these machines.
 */
import { SpuffError } from '../domain/errors.ts';
import type { SshTarget } from '../domain/ssh.ts';
import type { SshClient } from './client.ts';
import { hostAlias } from './known-hosts.ts';
import { checkHost, checkPort, checkUser, optionPath } from './option-values.ts';
import type { SshPaths } from './run-directory.ts';

export interface SshContext {
  client: SshClient;
  paths: SshPaths;
  /** The file that ssh takes the key from, or null for whatever ssh-agent offers. */
  identityFile: string | null;
  /** False: ssh may not ask for a passphrase. */
  mayAsk: boolean;
}

type Option = readonly [name: string, value: string];

/** Whom we trust, and how both ends prove themselves. */
const proofOptions: readonly Option[] = [
  ['StrictHostKeyChecking', 'yes'],
  ['GlobalKnownHostsFile', '/dev/null'],
  ['KnownHostsCommand', 'none'],
  ['NoHostAuthenticationForLocalhost', 'no'],
  ['VerifyHostKeyDNS', 'no'],
  ['UpdateHostKeys', 'no'],
  ['CheckHostIP', 'no'],
  ['CanonicalizeHostname', 'no'],
  ['HostKeyAlgorithms', 'ssh-ed25519'],
  ['PreferredAuthentications', 'publickey'],
  ['PubkeyAuthentication', 'yes'],
  ['PasswordAuthentication', 'no'],
  ['KbdInteractiveAuthentication', 'no'],
  ['HostbasedAuthentication', 'no'],
];

/** What the other end may reach, and what a configuration file may make ssh do. */
const reachOptions: readonly Option[] = [
  ['ForwardX11', 'no'],
  ['ForwardX11Trusted', 'no'],
  ['Tunnel', 'no'],
  ['GatewayPorts', 'no'],
  ['PermitLocalCommand', 'no'],
  ['RemoteCommand', 'none'],
];

/** A dead machine is noticed within half a minute. */
const connectionOptions: readonly Option[] = [
  ['AddressFamily', 'any'],
  ['ConnectTimeout', '10'],
  ['ConnectionAttempts', '1'],
  ['ServerAliveInterval', '10'],
  ['ServerAliveCountMax', '3'],
  ['TCPKeepAlive', 'yes'],
];

/** Options that only some builds of ssh have; their absence is as good. */
const optionsWhereKnown: readonly Option[] = [
  ['RequiredRSASize', '3072'],
  ['GSSAPIAuthentication', 'no'],
  // Debian's and Red Hat's ssh can take Kerberos' word for the host instead of the pinned key.
  ['GSSAPIKeyExchange', 'no'],
];

/** Hybrid post-quantum exchange first; the faster of the two before the other. */
const wantedKex = [
  'mlkem768x25519-sha256',
  'sntrup761x25519-sha512',
  'sntrup761x25519-sha512@openssh.com',
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
];
const wantedCiphers = ['aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes128-gcm@openssh.com'];

/** Logs in on a connection of its own and runs one command. */
export function buildLogin(
  target: SshTarget,
  context: SshContext,
  command: string,
  logPath: string,
): string[] {
  return [
    'ssh',
    ...asArguments([
      ...commonOptions(target, context),
      ...ownConnection,
      ...sessionOptions('default', 'no'),
      ['ClearAllForwardings', 'yes'],
      // At ERROR ssh does not tell why a key exchange failed.
      ['LogLevel', 'INFO'],
    ]),
    '-E',
    logPath,
    hostAlias(target.key),
    command,
  ];
}

/** Logs in and stays as the instance's shared connection; goes to the background once the machine has let it in. */
export function buildMaster(target: SshTarget, context: SshContext, logPath: string): string[] {
  const { controlSocket } = context.paths;
  return buildSharing(target, context, { controlSocket, logPath, persist: '10m', session: 'none' });
}

/** Logs in and runs a command, with a socket of its own that forwardings are ordered by. It lends nothing. */
export function buildTunnel(
  target: SshTarget,
  context: SshContext,
  request: { controlSocket: string; logPath: string; command: string },
): string[] {
  const { command, ...paths } = request;
  return [...buildSharing(target, context, { ...paths, persist: 'no', session: 'default' }), command];
}

function buildSharing(
  target: SshTarget,
  context: SshContext,
  request: { controlSocket: string; logPath: string; persist: string; session: 'none' | 'default' },
): string[] {
  return [
    'ssh',
    ...asArguments([
      ...commonOptions(target, context),
      // The master decides on forwarding for every session that shares it, whatever that session says.
      ['ForwardAgent', 'no'],
      ['ControlMaster', 'yes'],
      ['ControlPath', optionPath(request.controlSocket)],
      ['ControlPersist', request.persist],
      ['StreamLocalBindUnlink', 'yes'],
      ['StreamLocalBindMask', '0177'],
      ['ClearAllForwardings', 'yes'],
      ['LogLevel', 'INFO'],
      ...sessionOptions(request.session, 'no'),
    ]),
    '-E',
    request.logPath,
    hostAlias(target.key),
  ];
}

export interface SessionRequest {
  /** One line for the login shell, or null for the shell itself. */
  command: string | null;
  tty: 'no' | 'force';
  shared: boolean;
  /** A path: the socket that is forwarded in the place of the user's agent. */
  forwardAgent: 'no' | 'yes' | { socketPath: string };
  /** Options of the user's for ssh itself. */
  sshArgs: readonly string[];
  /** null: ssh writes its own messages to standard error. Else the log tells how the session ended. */
  logPath: string | null;
}

/** A session on the shared connection, or on one of its own: the only one that may lend the agent. */
export function buildSession(target: SshTarget, context: SshContext, request: SessionRequest): string[] {
  if (request.shared && request.forwardAgent !== 'no') {
    throw new SpuffError('internal', 'the agent is never lent over the shared connection');
  }
  const level = request.logPath !== null ? 'DEBUG2' : request.shared ? 'ERROR' : 'INFO';
  const noSession = request.sshArgs.some((argument) => /^-[46CNTntv]*N/.test(argument));
  return [
    'ssh',
    ...asArguments([
      ...(request.sshArgs.some((argument) => /^-v+$/.test(argument)) ? [] : [['LogLevel', level] as const]),
      ...commonOptions(target, context),
      ...(request.shared ? sharedConnection(context) : []),
      ...(request.shared ? [] : ownConnection.filter(([name]) => name !== 'ForwardAgent')),
      ...(request.shared ? [] : [['ForwardAgent', agentOption(request.forwardAgent)] as const]),
      // ssh refuses to be told twice: with -N the user says that there is no session.
      ...sessionOptions('default', request.tty).filter(([name]) => !(noSession && name === 'SessionType')),
      ...(request.sshArgs.length === 0 ? [['ClearAllForwardings', 'yes'] as const] : []),
    ]),
    ...(request.logPath === null ? [] : ['-E', request.logPath]),
    ...request.sshArgs,
    hostAlias(target.key),
    ...(request.command === null ? [] : [request.command]),
  ];
}

function agentOption(forwarded: SessionRequest['forwardAgent']): string {
  return typeof forwarded === 'string' ? forwarded : optionPath(forwarded.socketPath);
}

/** Tells the shared connection something. Reads no configuration: nothing is dialled. */
export function buildControl(
  target: Pick<SshTarget, 'key'>,
  controlSocket: string,
  request:
    | { operation: 'exit' }
    // Each a socket's path, or `address:port`.
    | { operation: 'forward' | 'cancel'; local: string; remote: string },
): string[] {
  const forward = request.operation === 'exit' ? [] : ['-L', `${request.local}:${request.remote}`];
  return [
    'ssh',
    '-F',
    'none',
    ...asArguments([
      ['ControlPath', optionPath(controlSocket)],
      ['LogLevel', 'ERROR'],
    ]),
    '-O',
    request.operation,
    ...forward,
    hostAlias(target.key),
  ];
}

/** Copies over the shared connection with the SFTP protocol, in which no shell sees a name. */
export function buildCopy(
  target: SshTarget,
  context: SshContext,
  request: { sources: readonly string[]; destination: string; recursive: boolean },
): string[] {
  return [
    'scp',
    '-s',
    ...(request.recursive ? ['-r'] : []),
    ...asArguments([...commonOptions(target, context), ...sharedConnection(context), ['LogLevel', 'ERROR']]),
    '--',
    ...request.sources,
    request.destination,
  ];
}

/**
 * A configuration file for a program that starts ssh by itself and passes it `-F`: what is said here counts, and the user's own
 * files have the rest of the say, as everywhere. Lends nothing and shares nothing.
 */
export function writeConfigFile(target: SshTarget, context: SshContext): string {
  const options = [
    ...commonOptions(target, context),
    ...ownConnection,
    ['ClearAllForwardings', 'yes'] as const,
    ['RequestTTY', 'no'] as const,
    ['LogLevel', 'ERROR'] as const,
  ];
  const lines = options.map(([name, value]) => `${name} ${value}`);
  return `${[...lines, 'Include ~/.ssh/config', 'Include /etc/ssh/ssh_config'].join('\n')}\n`;
}

/** Prints what ssh would do for this machine with the user's configuration; connects to nothing. */
export function buildDump(target: SshTarget, context: SshContext): string[] {
  return ['ssh', ...asArguments(commonOptions(target, context)), '-G', hostAlias(target.key)];
}

const ownConnection: readonly Option[] = [
  ['ForwardAgent', 'no'],
  ['ControlMaster', 'no'],
  ['ControlPath', 'none'],
  ['ControlPersist', 'no'],
];

function sharedConnection(context: SshContext): Option[] {
  return [
    ['ForwardAgent', 'no'],
    ['ControlMaster', 'no'],
    ['ControlPath', optionPath(context.paths.controlSocket)],
    ['ControlPersist', 'no'],
  ];
}

function sessionOptions(session: 'default' | 'none', tty: 'no' | 'force'): Option[] {
  return [
    ['SessionType', session],
    ['RequestTTY', tty],
    ['StdinNull', 'no'],
    ['ForkAfterAuthentication', 'no'],
  ];
}

function commonOptions(target: SshTarget, context: SshContext): Option[] {
  const { client } = context;
  const kex = wantedKex.filter((name) => client.kexAlgorithms.includes(name));
  const ciphers = wantedCiphers.filter((name) => client.ciphers.includes(name));
  return [
    ['HostName', checkHost(target.host).replaceAll('%', '%%')],
    ['Port', String(checkPort(target.port))],
    ['User', checkUser(target.user)],
    ['HostKeyAlias', hostAlias(target.key)],
    ['UserKnownHostsFile', optionPath(context.paths.knownHosts)],
    ...proofOptions,
    ...optionsWhereKnown.filter(([name]) => client.options.includes(name.toLowerCase())),
    ...(kex.length > 0 ? [['KexAlgorithms', kex.join(',')] as const] : []),
    ...(ciphers.length > 0 ? [['Ciphers', ciphers.join(',')] as const] : []),
    ['IdentityFile', context.identityFile === null ? 'none' : optionPath(context.identityFile)],
    ['IdentitiesOnly', context.identityFile === null ? 'no' : 'yes'],
    ...(context.mayAsk ? [] : [['BatchMode', 'yes'] as const]),
    ...reachOptions,
    ...connectionOptions,
  ];
}

function asArguments(options: readonly Option[]): string[] {
  return options.flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
