/** Incidents in the home: `incidents/<id>.json`, and a folder of that name for evidence and the report. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import {
  type Incident,
  type IncidentStepRecord,
  type IncidentStore,
  incidentKinds,
  incidentStepStates,
} from '../domain/incident.ts';
import {
  makePrivateDirectory,
  readPrivateFile,
  toFileError,
  writeFileAtomically,
} from '../lib/atomic-file.ts';
import { withProcessLock } from '../lib/process-lock.ts';
import { describeHolders } from './lock-holders.ts';

const idPattern = /^\d{8}-\d{6}-[0-9a-f]{4}$/;
const largestBytes = 4 * 1024 * 1024;

export function openIncidentStore(directory: string): IncidentStore {
  const pathOf = (id: string) => join(directory, `${id}.json`);
  const load = (id: string): Incident => {
    const text = idPattern.test(id) ? readPrivateFile(pathOf(id), largestBytes) : null;
    if (text === null) {
      throw new SpuffError('not-found', `there is no incident ${JSON.stringify(id)}`, {
        hints: ['see which there are: spuff incident list'],
      });
    }
    return parseIncident(text, pathOf(id));
  };
  return {
    load,
    save: (incident) => {
      makePrivateDirectory(directory);
      writeFileAtomically(pathOf(incident.id), `${JSON.stringify(incident, null, 2)}\n`);
    },
    list: () => listIds(directory).map(load),
    alone: (id, signal, work) => {
      const path = join(directory, id, '.lock');
      // Whoever has it may wait for an answer of the person for hours: it is not waited for.
      const taken = new AbortController();
      const refuse = () =>
        taken.abort(
          new SpuffError(
            'conflict',
            [`incident ${id} is being gone through`, ...describeHolders(path)].join(': '),
            {
              hints: ['let that come to its end, or stop it with Ctrl-C; what it did is written down'],
            },
          ),
        );
      makePrivateDirectory(directory);
      return withProcessLock(path, AbortSignal.any([signal, taken.signal]), work, refuse);
    },
    keep: (id, name, content) => {
      const path = join(directory, id, name);
      makePrivateDirectory(directory);
      makePrivateDirectory(join(directory, id));
      writeFileAtomically(path, content);
      return path;
    },
  };
}

function listIds(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.json'));
    return names
      .map((name) => name.slice(0, -'.json'.length))
      .filter((id) => idPattern.test(id))
      .sort()
      .reverse();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw toFileError(error, `read ${directory}`);
  }
}

/** @throws SpuffError `state` for what `save` has not written */
export function parseIncident(text: string, path: string): Incident {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  if (isIncident(value)) return value;
  throw new SpuffError('state', `${path} is not an incident that this spuff can read`, {
    hints: ['look at what is in it; a newer spuff may have written it'],
  });
}

function isIncident(value: unknown): value is Incident {
  if (!isObject(value)) return false;
  const { version, id, kind, subject, startedAt, endedAt, facts, steps } = value;
  return (
    version === 1 &&
    [id, subject, startedAt].every((text) => typeof text === 'string') &&
    incidentKinds.some((one) => one === kind) &&
    (endedAt === null || typeof endedAt === 'string') &&
    isObject(facts) &&
    Object.values(facts).every((fact) => typeof fact === 'string') &&
    Array.isArray(steps) &&
    steps.every(isStep)
  );
}

function isStep(value: unknown): value is IncidentStepRecord {
  return (
    isObject(value) &&
    [value['name'], value['title'], value['at']].every((text) => typeof text === 'string') &&
    incidentStepStates.some((state) => state === value['state']) &&
    [value['said'], value['todo']].every(
      (lines) => Array.isArray(lines) && lines.every((line) => typeof line === 'string'),
    )
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
