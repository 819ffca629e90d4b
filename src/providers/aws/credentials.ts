/** Where the keys to AWS come from (S1). Nothing here reads or writes a file, and nothing is kept beyond the process. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SpuffError } from '../../domain/errors.ts';
import type { Runtime } from '../../domain/provider.ts';
import { Secret } from '../../domain/secret.ts';
import { runTokenCommand } from '../../lib/cloud-token.ts';
import { escapeText } from '../../lib/escape.ts';
import { runProcess } from '../../lib/process.ts';

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: Secret;
  sessionToken: Secret | null;
  /** When they end; null or missing: not known. */
  expiresAt?: Date | null;
}

export interface AwsCredentialSource {
  env: NodeJS.ProcessEnv;
  /** The setting `token_command`; null: there is none. It prints what `credential_process` prints. */
  command: string | null;
  /** The user's home directory: a folder `.aws` in it means that the AWS CLI knows who they are. */
  userHome: string;
}

const keyVariables = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
const makeKeyAt = 'https://console.aws.amazon.com/iam/home#/security_credentials';
const commandTimeoutMs = 120_000;

/**
 * The keys: of the environment, else of `token_command`, else of the AWS CLI, which knows profiles, SSO and roles.
 * @see https://docs.aws.amazon.com/cli/latest/reference/configure/export-credentials.html
 * @throws SpuffError `auth` that says where they were looked for, or what gave none
 */
export async function readAwsCredentials(
  source: AwsCredentialSource,
  signal: AbortSignal,
): Promise<AwsCredentials> {
  const { env, command, userHome } = source;
  if (keyVariables.slice(0, 2).some((name) => env[name]?.trim())) return fromEnvironment(env);
  if (command !== null) {
    const printed = await runTokenCommand({ provider: 'aws', variables: keyVariables, command, env }, signal);
    return readProcessOutput(printed, 'token_command');
  }
  if (env['AWS_PROFILE']?.trim() || (await isFolder(join(userHome, '.aws')))) return askAwsCli(env, signal);
  throw noCredentials('there are no credentials for AWS');
}

function noCredentials(message: string, first: readonly string[] = []): SpuffError {
  return new SpuffError('auth', message, {
    hints: [
      ...first,
      'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or AWS_PROFILE where the AWS CLI is set up',
      'or name a command that prints them as credential_process does: spuff config set token_command "…"',
      `make an access key at ${makeKeyAt}`,
    ],
  });
}

function fromEnvironment(env: NodeJS.ProcessEnv): AwsCredentials {
  const [id, secret, session] = keyVariables.map((name) => env[name]?.trim() ?? '');
  if (!id || !secret) {
    const missing = id ? 'AWS_SECRET_ACCESS_KEY' : 'AWS_ACCESS_KEY_ID';
    throw noCredentials(`${missing} is not set, and its other half is`);
  }
  return checkCredentials({ id, secret, session: session || null, expiresAt: null }, 'the environment');
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function askAwsCli(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<AwsCredentials> {
  const argv = ['aws', 'configure', 'export-credentials', '--format', 'process'];
  const result = await runProcess(argv, {
    ...{ signal, timeoutMs: commandTimeoutMs, maxBytes: 64 * 1024 },
    env: environmentOfAwsCli(env),
  }).catch((error: unknown) => {
    if (!(error instanceof SpuffError) || error.code !== 'unavailable') throw error;
    throw noCredentials(`the profile of the AWS CLI can't be asked for: ${error.message}`, [
      'install the AWS CLI: https://aws.amazon.com/cli/',
    ]);
  });
  if (result.exitCode === 0) return readProcessOutput(result.stdout, 'the AWS CLI');
  const end = result.timedOut
    ? `did not end within ${commandTimeoutMs / 1_000} s`
    : `ended with ${result.exitCode}`;
  const said = escapeText(result.stderr.trim(), { singleLine: true }).slice(0, 300);
  throw noCredentials(`aws configure export-credentials ${end}${said === '' ? '' : `: ${said}`}`, [
    'sign in: aws sso login, or aws configure',
  ]);
}

/** Children get nothing of AWS's: this one is about nothing else. The keys themselves were not there. */
function environmentOfAwsCli(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => {
      const [name, value] = entry;
      if (value === undefined || keyVariables.includes(name)) return false;
      return /^AWS_/.test(name) || name === 'PATH' || name === 'HOME';
    }),
  );
}

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html */
function readProcessOutput(printed: string, from: string): AwsCredentials {
  let value: unknown;
  try {
    value = JSON.parse(printed);
  } catch {
    // What was printed may be a secret in another form, so that it is not shown.
    throw malformed(from, 'no JSON');
  }
  if (typeof value !== 'object' || value === null) throw malformed(from, 'no JSON object');
  const parts = value as Record<string, unknown>;
  if (parts['Version'] !== 1) throw malformed(from, 'no "Version": 1');
  const text = (name: string) => (typeof parts[name] === 'string' && parts[name] !== '' ? parts[name] : null);
  const id = text('AccessKeyId');
  const secret = text('SecretAccessKey');
  if (id === null || secret === null)
    throw malformed(from, `no ${id === null ? 'AccessKeyId' : 'SecretAccessKey'}`);
  const expiresAt = new Date(text('Expiration') ?? Number.NaN);
  return checkCredentials(
    {
      ...{ id, secret, session: text('SessionToken') },
      expiresAt: Number.isNaN(expiresAt.getTime()) ? null : expiresAt,
    },
    from,
  );
}

function malformed(from: string, what: string): SpuffError {
  return new SpuffError('auth', `${from} gave ${what} where the credentials for AWS should be`, {
    hints: [
      'it must print {"Version": 1, "AccessKeyId": "…", "SecretAccessKey": "…", "SessionToken": "…"}',
      'run it by hand to see why',
    ],
  });
}

function checkCredentials(
  given: { id: string; secret: string; session: string | null; expiresAt: Date | null },
  from: string,
): AwsCredentials {
  const words = [given.id, given.secret, ...(given.session === null ? [] : [given.session])];
  if (!words.every((word) => /^[\x21-\x7e]{1,4096}$/.test(word)) || !/^\w{4,128}$/.test(given.id)) {
    throw new SpuffError('auth', `the credentials for AWS of ${from} are not words of plain characters`, {
      hints: [`look at what ${from} gives`],
    });
  }
  return {
    accessKeyId: given.id,
    secretAccessKey: new Secret(given.secret),
    sessionToken: given.session === null ? null : new Secret(given.session),
    expiresAt: given.expiresAt,
  };
}

/** Sessions are renewed this long before they end. */
const renewMs = 300_000;

/** Asks for credentials when there are none yet or they are about to end: a wait asks hundreds of times. In memory only. */
export function rememberCredentials(
  read: (signal: AbortSignal) => Promise<AwsCredentials>,
  runtime: Pick<Runtime, 'now'>,
): (signal: AbortSignal) => Promise<AwsCredentials> {
  let known: AwsCredentials | null = null;
  return async (signal) => {
    const endsMs = known?.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
    if (known === null || runtime.now() > endsMs - renewMs) known = await read(signal);
    return known;
  };
}
