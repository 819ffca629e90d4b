import type { CliServices } from '../cli/cli.ts';
import { incidentPages } from './providers.ts';

/** What the playbooks need. `directory` gives where incidents are kept, once the home may be used. */
export function incidentServices(
  directory: () => string,
): Pick<CliServices, 'credentialMark' | 'incidentPages' | 'openIncidents'> {
  return {
    credentialMark: async (context, provider, salt) => {
      const { markCredential } = await import('./credential-mark.ts');
      return markCredential(context, provider, salt);
    },
    incidentPages: (provider) => incidentPages[provider] ?? null,
    openIncidents: async () => {
      const { openIncidentStore } = await import('../state/incident-files.ts');
      return openIncidentStore(directory());
    },
  };
}
