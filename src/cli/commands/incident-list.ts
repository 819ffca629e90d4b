import { defineCommand } from '../command.ts';
import { incidentToJson } from '../render/incident.ts';
import { formatTable } from '../render/text.ts';

export const incidentList = defineCommand({
  name: 'incident list',
  summary: 'list the incidents on this computer, the newest first',
  arguments: {},
  options: {},
  examples: [{ command: 'spuff incident list', about: 'which are open, and their ids' }],
  json: 'incidents',
  run: async (_input, cli) => {
    const incidents = (await cli.services.openIncidents()).list();
    if (cli.flags.json) return void cli.printJson({ version: 1, incidents: incidents.map(incidentToJson) });
    if (incidents.length === 0) return void cli.say('there are none');
    const rows = incidents.map(({ id, kind, subject, endedAt }) => [id, kind, subject, endedAt ?? 'open']);
    cli.print(formatTable(rows, { header: ['ID', 'KIND', 'ABOUT', 'ENDED'], paint: cli.paint }));
  },
});
