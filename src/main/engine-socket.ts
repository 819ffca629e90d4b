import type { AppContext } from '../app/context.ts';
import { SpuffError } from '../domain/errors.ts';
import { homePaths } from '../state/home.ts';

/**
 * Commands that choose by the settings read them themselves, and fail. What works on an instance that there is must not be
 * stopped by a typo somewhere in them: a machine could not be destroyed.
 */
export async function findEngineSocket({ home, settings, progress }: AppContext): Promise<string | null> {
  try {
    return (await settings()).engineSocket;
  } catch (error) {
    const { readEngineSocketAlone } = await import('../state/settings.ts');
    const alone = readEngineSocketAlone(homePaths(home).config);
    if (!(error instanceof SpuffError && error.code === 'config') || alone === null) throw error;
    progress.warn(`the settings are wrong, and not needed for this: ${error.message.split('\n')[0]}`);
    return alone.engineSocket;
  }
}
