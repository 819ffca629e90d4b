import { writeIncidentReport } from '../../app/incident-report.ts';
import { defineCommand } from '../command.ts';
import { argument } from '../parameters.ts';
import { incidentToJson } from '../render/incident.ts';

export const incidentShow = defineCommand({
  name: 'incident show',
  summary: 'show the report of an incident as it stands',
  arguments: { id: argument('ID', 'of the incident, as spuff incident list prints it') },
  options: {},
  examples: [
    { command: 'spuff incident show 20261128-093012-4f3c', about: 'what was done, and what is left' },
  ],
  json: 'incident',
  run: async ({ arguments: { id } }, cli) => {
    const incident = (await cli.services.openIncidents()).load(id);
    if (cli.flags.json)
      cli.printJson({ version: 1, incident: incidentToJson(incident), steps: incident.steps });
    else cli.print(writeIncidentReport(incident));
  },
});
