/** Turns what ssh says of its own failures into errors that say what to do. */
import { type ErrorCode, SpuffError } from '../domain/errors.ts';
import type { KnownIdentity } from '../domain/instance.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { escapeText } from '../lib/escape.ts';
import { parsePublicKey } from '../lib/public-key.ts';
import { quoteArgument } from '../lib/shell-quote.ts';

/** ssh's own exit status when the connection, not the program, failed. A program may end with it as well. */
export const connectionFailed = 255;

/** What went wrong, finer than a code: some of it passes while a machine boots. */
export type FailureKind =
  | 'revoked-key'
  | 'changed-key'
  | 'no-common-algorithm'
  | 'key-file-open'
  | 'login-refused'
  | 'booting'
  | 'refused'
  | 'unreachable'
  | 'unknown-host'
  | 'broken-off'
  | 'configuration';

/** In the order of what matters most: an attack must not hide behind the message that follows it. */
const patterns: ReadonlyArray<readonly [FailureKind, RegExp]> = [
  ['revoked-key', /REVOKED HOST KEY DETECTED|marked as revoked/],
  [
    'changed-key',
    /HOST IDENTIFICATION HAS CHANGED|Host key verification failed|No \S+ host key is known for/,
  ],
  ['changed-key', /no matching host key type found|Host key for \S+ has changed/],
  ['no-common-algorithm', /Unable to negotiate|no matching (?:cipher|MAC|key exchange method) found/],
  [
    'configuration',
    /Bad configuration option|Bad owner or permissions on|terminating, \d+ bad configuration/,
  ],
  ['key-file-open', /UNPROTECTED PRIVATE KEY FILE|bad permissions/],
  ['booting', /System is booting up|pam_nologin|System is going down/],
  ['login-refused', /Permission denied|Too many authentication failures|agent refused operation/],
  ['refused', /Connection refused/],
  ['unknown-host', /Could not resolve hostname/],
  ['unreachable', /timed out|No route to host|Network is unreachable|Host is down|not responding/],
  [
    'broken-off',
    /Connection (?:closed|reset)|closed by remote host|Broken pipe|kex_exchange_identification|banner (?:exchange|line)|Control master terminated|Control socket connect|session request failed|stdio forwarding failed|Session open refused/,
  ],
];

const codes: Record<FailureKind, ErrorCode> = {
  'revoked-key': 'host-identity',
  'changed-key': 'host-identity',
  'no-common-algorithm': 'unsupported',
  'key-file-open': 'permission',
  'login-refused': 'auth',
  booting: 'connection',
  refused: 'connection',
  unreachable: 'connection',
  'unknown-host': 'connection',
  'broken-off': 'connection',
  configuration: 'config',
};

/** null when nothing in the text is a failure that ssh is known for. */
export function classifyFailure(text: string): FailureKind | null {
  return patterns.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

/** An error for a failed ssh, whatever it said. `text` is its own log, not the remote program's output. */
export function makeFailure(target: SshTarget, text: string): SpuffError {
  const kind = classifyFailure(text);
  const cause = new Error(escapeText(text.trim()) || 'ssh gave no reason');
  if (kind === 'revoked-key' || kind === 'changed-key') return makeIdentityFailure(target, kind, text, cause);
  if (kind === null) {
    const last = escapeText(text.trim().split('\n').at(-1) ?? '', { singleLine: true });
    const said = last === '' ? 'ssh ended without saying why' : `ssh said: ${last}`;
    return new SpuffError('connection', `can't reach ${target.name}: ${said}`, {
      hints: [`look at the machine: spuff status ${target.name}`],
      cause,
    });
  }
  const { message, hints } = describeFailure(kind, target, text);
  return new SpuffError(codes[kind], message, { hints, cause });
}

type PlainKind = Exclude<FailureKind, 'revoked-key' | 'changed-key'>;

function describeFailure(
  kind: PlainKind,
  target: SshTarget,
  text: string,
): { message: string; hints: string[] } {
  const { name, host, port } = target;
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const look = `see whether it runs: spuff status ${name}`;
  switch (kind) {
    case 'login-refused':
      return {
        message: `${name} let nobody in: it refused the key${text.includes('Too many') ? 's, there were too many of them' : ''}`,
        hints: [
          'load the key that was there at spuff up into the agent: ssh-add',
          'or name it: spuff config set ssh_key ~/.ssh/id_ed25519.pub',
        ],
      };
    case 'key-file-open': {
      const path = /Permissions \d+ for '(.+)' are too open/.exec(text)?.[1];
      return {
        message: 'ssh will not use a private key that others can read',
        hints: [`close it: chmod 600 ${path === undefined ? '~/.ssh/id_ed25519' : quoteArgument(path)}`],
      };
    }
    case 'configuration':
      return {
        message: `ssh's own configuration is wrong: ${escapeText(text.trim().split('\n')[0] ?? '', { singleLine: true })}`,
        hints: ['mend ~/.ssh/config; ssh -G spuff reads it and connects to nothing'],
      };
    case 'no-common-algorithm':
      return {
        message: `ssh and ${name} have no algorithm in common`,
        hints: ['update the OpenSSH client on this machine'],
      };
    case 'booting':
      return { message: `${name} is still booting, or going down`, hints: ['try again in a moment', look] };
    case 'refused':
      return { message: `nothing listens for SSH at ${at}, the address of ${name}`, hints: [look] };
    case 'unknown-host':
      return {
        message: `the address of ${name}, ${host}, can't be resolved`,
        hints: ['check the network of this machine'],
      };
    case 'unreachable':
      return {
        message: `${name} does not answer at ${at}`,
        hints: ['check the network of this machine, and whether it may reach that port', look],
      };
    case 'broken-off':
      return { message: `the connection to ${name} broke off`, hints: ['run the command again', look] };
  }
}

function makeIdentityFailure(
  target: SshTarget,
  kind: 'revoked-key' | 'changed-key',
  text: string,
  cause: Error,
): SpuffError {
  const { name, identity } = target;
  const shown = /SHA256:[A-Za-z0-9+/]{43}/.exec(text)?.[0];
  const wanted = expectedFingerprint(identity);
  const first = `nothing was sent to it: no key was offered and no command was run`;
  const anew = `when you can explain it, start over: spuff down ${name} && spuff up ${name}`;
  if (kind === 'revoked-key') {
    return new SpuffError('host-identity', `${name} answered with its one-time boot key, which is revoked`, {
      hints: [
        first,
        'either cloud-init ran again, or the machine was rebuilt or restored to an early state',
        'or it is an attack by someone who has read its user data: do not go on from this network',
        anew,
      ],
      cause,
    });
  }
  const keys = shown === undefined ? '' : ` (${shown}${wanted === null ? '' : `, and not ${wanted}`})`;
  return new SpuffError(
    'host-identity',
    `what answers for ${name} has another host key than ${name}${keys}`,
    {
      hints: [
        first,
        'either the machine was rebuilt, or its address was given to another one',
        'or someone is between you and it: do not go on from this network',
        anew,
      ],
      cause,
    },
  );
}

function expectedFingerprint(identity: KnownIdentity): string | null {
  const expected = identity.phase === 'pinned' ? identity.publicKey : identity.injectedPublicKey;
  return parsePublicKey(expected)?.fingerprint ?? null;
}
