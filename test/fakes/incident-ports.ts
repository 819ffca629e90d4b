import { join } from 'node:path';
import type { IncidentPorts } from '../../src/app/run-incident.ts';
import { openIncidentStore } from '../../src/state/incident-files.ts';

/** Ports of the playbooks with a store in a directory; nobody agrees to anything. */
export function fakeIncidentPorts(directory: string, given: Partial<IncidentPorts> = {}): IncidentPorts {
  const unasked = () => Promise.reject(new TypeError('no key is needed in this test'));
  return {
    store: openIncidentStore(join(directory, 'incidents')),
    ownKeys: unasked,
    newKey: () => ({ storage: 'disk', passphrase: 'none' }),
    credentialMark: async () => null,
    pages: () => null,
    agrees: async () => false,
    hasDone: async () => false,
    mayDestroy: async () => false,
    goesWithout: () => false,
    onLine: () => undefined,
    onStep: () => undefined,
    ...given,
  };
}
