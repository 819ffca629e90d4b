import type { ConfigStore } from '../app/config-store.ts';
import type { AppContext } from '../app/context.ts';

export interface Candidate {
  value: string;
  about: string;
}

export interface Completion {
  candidates: readonly Candidate[];
  /** Whether the shell should offer files as well. */
  files: boolean;
}

export interface CompletionContext {
  app: AppContext;
  providerIds: readonly string[];
  openConfig: () => Promise<ConfigStore>;
}
