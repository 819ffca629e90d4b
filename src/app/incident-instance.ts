import type { Instance } from '../domain/instance.ts';
import type { IncidentRun } from './run-incident.ts';

/** The machine of a vm incident. null: it is gone, and forgotten. */
export async function instanceOf(run: IncidentRun): Promise<Instance | null> {
  const state = await run.context.state();
  return state.listInstances().find(({ key }) => key === run.fact('key')) ?? null;
}
