import { describe, it } from 'vitest';
import { parseSyncRecord } from '../../src/app/sync-record.ts';
import { parseRing } from '../../src/ssh/key-ring.ts';
import { parseDevcontainer } from '../../src/state/devcontainer-file.ts';
import { parseIncident } from '../../src/state/incident-files.ts';
import { parseTrustEntry } from '../../src/state/trust-files.ts';
import { type FuzzTarget, fuzz } from './run-fuzz.ts';
import { jsonTarget, orRefuse, textTarget } from './targets.ts';

const path = '/p/file';

/** What is of another type than the parser says is found where it is used, and that is too late. */
function mustBeText(values: Iterable<unknown>): void {
  for (const value of values)
    if (typeof value !== 'string') throw new TypeError('what should be text is not');
}

const targets: readonly FuzzTarget[] = [
  textTarget('devcontainer.json', (text) => {
    const { ports, publishedPorts } = parseDevcontainer(text, path);
    for (const port of [...ports.map((one) => one.port), ...publishedPorts])
      if (!Number.isInteger(port) || port < 1 || port > 65_535)
        throw new TypeError('what it gives is no port');
  }),
  jsonTarget('sync-record', (text) => {
    const record = parseSyncRecord(text, '/home/dev/p');
    orRefuse(record);
    for (const [name, { here, there }] of record?.files ?? []) mustBeText([name, here, there]);
    mustBeText([record?.tree ?? '']);
  }),
  jsonTarget('incident', (text) => {
    const { id, subject, facts, steps } = parseIncident(text, path);
    mustBeText([
      id,
      subject,
      ...Object.values(facts),
      ...steps.flatMap(({ said, todo }) => [...said, ...todo]),
    ]);
  }),
  jsonTarget('trust-entry', (text) => {
    const { root, wishes } = parseTrustEntry(text, path);
    mustBeText([root, ...wishes]);
  }),
  jsonTarget('key-ring', (text) => orRefuse(parseRing(text, '/home/a/.spuff'))),
];

describe('files that spuff wrote itself, or a project has', () => {
  for (const target of targets) {
    it(`${target.name} is read or refused, whatever it says`, async ({ expect }) => {
      const { failures, taken, inputs } = await fuzz(target);
      expect(failures).toEqual([]);
      expect(taken).toBeGreaterThan(0);
      expect(taken).toBeLessThan(inputs);
    });
  }
});
