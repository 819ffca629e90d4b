import { SpuffError } from '../domain/errors.ts';
import type { AccessReport } from '../domain/provider.ts';
import { type AppContext, callOptions } from './context.ts';

export interface ListedProvider {
  id: string;
  /** Of the settings: what `up` uses. */
  isDefault: boolean;
  /** What the provider says of the account, or why it could not be asked. */
  access: AccessReport | SpuffError;
}

/** Every provider that is built in, each asked whether it lets us in; one without a token is not asked. */
export async function listProviders(context: AppContext, ids: readonly string[]): Promise<ListedProvider[]> {
  const settings = await context.settings();
  return Promise.all(
    ids.map(async (id) => ({
      id,
      isDefault: id === settings.provider,
      access: await askAccess(context, id),
    })),
  );
}

async function askAccess(context: AppContext, id: string): Promise<AccessReport | SpuffError> {
  try {
    return await (await context.provider(id)).checkAccess(callOptions(context, 20_000));
  } catch (error) {
    if (error instanceof SpuffError && error.code !== 'interrupted') return error;
    throw error;
  }
}
