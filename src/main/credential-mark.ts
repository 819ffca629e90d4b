import { createHash } from 'node:crypto';
import type { AppContext } from '../app/context.ts';
import { SpuffError } from '../domain/errors.ts';
import { readCloudToken } from '../lib/cloud-token.ts';
import { credentialVariables } from './providers.ts';

/**
 * A salted hash of a provider's token, so that one that was replaced is told from the one before. It gives nothing away:
 * tokens are random. null where there is none; and for AWS, whose credential may come from many places.
 */
export async function markCredential(
  context: AppContext,
  provider: string,
  salt: string,
): Promise<string | null> {
  const variables = credentialVariables[provider];
  if (!variables || provider === 'aws')
    return markText(salt, process.env['AWS_ACCESS_KEY_ID'], provider === 'aws');
  const { tokenCommand: command } = await context.settings();
  try {
    const source = { provider, variables, makeItAt: '', command, env: process.env };
    const token = await readCloudToken(source, context.signal);
    return markText(salt, token.reveal(), true);
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'auth') return null;
    throw error;
  }
}

function markText(salt: string, text: string | undefined, isOne: boolean): string | null {
  if (!isOne || text === undefined) return null;
  return createHash('sha256').update(`${salt}\0${text}`).digest('hex');
}
