import type { OwnKeyStore } from '../../domain/own-key.ts';
import type { AppContext } from '../context.ts';

export interface LocalContext {
  context: AppContext;
  /** Where `.ssh` and the shell's files are. */
  userHome: string;
  env: NodeJS.ProcessEnv;
  openOwnKeys(): Promise<OwnKeyStore>;
}
