/** An incident that is being dealt with: what was seen and done, and what is left. Nothing in it may be a secret. */

export const incidentKinds = ['api-token', 'vm', 'ssh-key'] as const;
export type IncidentKind = (typeof incidentKinds)[number];

/**
 * `begun`: a process that was killed may have done it or not. `left`: what is left of it is the person's, and nothing after it
 * waits for that. `waiting`: nothing after it can be done before the person has done it. `failed`: tried again when the
 * incident is resumed, as all of these are but `done`.
 */
export const incidentStepStates = ['begun', 'done', 'left', 'waiting', 'failed'] as const;
export type IncidentStepState = (typeof incidentStepStates)[number];

export interface IncidentStepRecord {
  name: string;
  title: string;
  state: IncidentStepState;
  /** ISO 8601, when `state` became what it is. */
  at: string;
  /** What was seen and done, a line each. */
  said: readonly string[];
  /** What only the person can do: a page or a command each. */
  todo: readonly string[];
}

export interface Incident {
  version: 1;
  id: string;
  kind: IncidentKind;
  /** The provider, the instance's name, or the fingerprint of the key. */
  subject: string;
  startedAt: string;
  /** null while a step is open. */
  endedAt: string | null;
  /** What later steps go by. */
  facts: Readonly<Record<string, string>>;
  /** Those that were begun, in their order. */
  steps: readonly IncidentStepRecord[];
}

export interface IncidentStore {
  /** On disk, in one step, when it returns. */
  save(incident: Incident): void;
  /** @throws SpuffError `not-found`, or `state` for one that can't be read */
  load(id: string): Incident;
  /** The newest first. */
  list(): Incident[];
  /**
   * Does the work while no other process can be at this incident; ends with its process.
   * @throws SpuffError `conflict` at once when another one is
   */
  alone<T>(id: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** Keeps a file beside the incident, in the place of one of this name. @returns its path */
  keep(id: string, name: string, content: string): string;
}
