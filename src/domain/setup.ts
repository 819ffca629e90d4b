/** The words of a machine's setup, which the machine, the command line and its JSON share. */

/** What `spuff setup --only` names. */
export const setupSelections = [
  'packages',
  'bundles',
  'ai',
  'repositories',
  'dotfiles',
  'services',
  'devcontainer',
  'scripts',
  'hooks',
] as const;
export type SetupSelection = (typeof setupSelections)[number];

/** `skipped`: what it needs has failed, or it was not asked for. */
export const setupStates = ['pending', 'in_progress', 'done', 'failed', 'skipped'] as const;
export type SetupState = (typeof setupStates)[number];

export const setupPartKinds = [
  'packages',
  'bundle',
  'ai',
  'repositories',
  'dotfiles',
  'services',
  'devcontainer',
  'script',
  'hook',
] as const;
export type SetupPartKind = (typeof setupPartKinds)[number];
