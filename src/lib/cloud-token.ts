/**
 * Where a cloud's token comes from (S1): the environment, or a command that the user names, run for each use and never
 * kept. Nothing here reads or writes a file.
 */
import { SpuffError } from '../domain/errors.ts';
import { Secret } from '../domain/secret.ts';
import { runSecretCommand } from './secret-command.ts';

export interface TokenSource {
  provider: string;
  /** Variables of the provider's own, in the order of preference. */
  variables: readonly string[];
  /** Where a person makes a token, for the hint. */
  makeItAt: string;
  /** The setting `token_command`; null: there is none. */
  command: string | null;
  env: NodeJS.ProcessEnv;
}

export const overAll = 'SPUFF_API_TOKEN';

/**
 * The token, from `SPUFF_API_TOKEN`, else the provider's own variables, else `token_command`.
 * @throws SpuffError `auth` that names the variables when there is none, or what the command did
 */
export async function readCloudToken(source: TokenSource, signal: AbortSignal): Promise<Secret> {
  for (const name of [overAll, ...source.variables]) {
    const value = source.env[name]?.trim();
    if (value) return new Secret(checkToken(value, name));
  }
  if (source.command !== null) {
    return new Secret(checkToken((await runTokenCommand(source, signal)).trim(), 'token_command'));
  }
  throw new SpuffError('auth', `there is no token for ${source.provider}`, {
    hints: [
      `set ${source.variables.join(' or ')} in the environment, or ${overAll}`,
      'or name a command that prints it: spuff config set token_command "op read op://vault/item/token"',
      `make a token at ${source.makeItAt}`,
    ],
  });
}

/** What stands in a header must be one word; a shell's leftovers and a whole JSON file are not. */
function checkToken(value: string, from: string): string {
  if (/^[\x21-\x7e]{1,4096}$/.test(value)) return value;
  const what = value === '' ? 'printed nothing' : 'is not one word of plain characters';
  throw new SpuffError('auth', `the token of ${from} ${what}`, { hints: [`look at what ${from} gives`] });
}

/**
 * Runs the command with the words that the setting holds, without a shell. It gets the whole environment but the tokens
 * that it is there to replace: a password manager needs its own session, which other children do not get.
 * @returns what it printed
 */
export async function runTokenCommand(
  source: Pick<TokenSource, 'provider' | 'variables' | 'command' | 'env'>,
  signal: AbortSignal,
): Promise<string> {
  const { provider, variables, command, env } = source;
  return runSecretCommand(
    {
      ...{ name: 'token_command', line: command ?? '', env },
      withheld: new Set([overAll, ...variables]),
      extra: { SPUFF_PROVIDER: provider },
      hint: 'run it by hand to see why: spuff config get token_command',
    },
    signal,
  );
}
