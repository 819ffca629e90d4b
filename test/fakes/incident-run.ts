import type { AppContext } from '../../src/app/context.ts';
import {
  beginIncident,
  type IncidentPorts,
  type IncidentStep,
  runIncident,
} from '../../src/app/run-incident.ts';
import type { Incident, IncidentKind } from '../../src/domain/incident.ts';

/** Goes through steps of a playbook by their names, as the command does, and tells what came of each. */
export async function runSteps(
  context: AppContext,
  ports: IncidentPorts,
  steps: readonly IncidentStep[],
  about: { kind: IncidentKind; subject: string; facts: Incident['facts']; names: readonly string[] },
) {
  const begun = { ...beginIncident(about.kind, about.subject, context.runtime.now()), facts: about.facts };
  const chosen = steps.filter(({ name }) => about.names.includes(name));
  const { incident } = await runIncident(context, ports, begun, chosen);
  return {
    incident,
    state: (name: string) => incident.steps.find((step) => step.name === name)?.state,
    said: (name: string) => incident.steps.find((step) => step.name === name)?.said.join('\n') ?? '',
    todo: (name: string) => incident.steps.find((step) => step.name === name)?.todo.join('\n') ?? '',
  };
}
